"""The units in which a report states lengths and attenuation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """Millimetres where the scale of the dataset is known, else world units."""

    unit_mm: float | None  # mm per world unit

    @property
    def scale(self) -> float:
        """Units of length per world unit."""
        return 1.0 if self.unit_mm is None else self.unit_mm

    @property
    def length(self) -> str:
        return "world unit" if self.unit_mm is None else "mm"

    @property
    def attenuation(self) -> str:
        return f"1/{self.length}"
