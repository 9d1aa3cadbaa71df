"""Units: what a world unit of length and the time between the scans are, and so every quantity's unit.

The library computes in world units (half the width of the box [-1, 1]^3) and in
normalised time (0 at the first scan, 1 at the second). What leaves it, volumes,
tables and figures, is in mm and s where the dataset says what these are. This
module is the only one that converts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dimension:
    """A quantity's dimension: its powers of length and of time."""

    length: int = 0
    time: int = 0

    @property
    def inverse(self) -> Dimension:
        return Dimension(-self.length, -self.time)


NUMBER = Dimension()
LENGTH = Dimension(length=1)
PER_LENGTH = Dimension(length=-1)
PER_AREA = Dimension(length=-2)  # squares of attenuation
TIME = Dimension(time=1)
SPEED = Dimension(length=1, time=-1)


@dataclass(frozen=True)
class Scale:
    """The size of a world unit and the time between the scans, None where the dataset does not say.

    What is unknown stays as it is: lengths in world units, times in time units
    (one from t = 0 to t = 1). Raises ValueError for a size that is not positive.
    """

    unit_mm: float | None = None  # mm per world unit
    duration_s: float | None = None  # seconds from t = 0 to t = 1

    def __post_init__(self):
        for name, size in (("unit_mm", self.unit_mm), ("duration_s", self.duration_s)):
            if size is not None and not size > 0:
                raise ValueError(f"{name} must be positive, not {size}")

    def factor(self, dimension: Dimension) -> float:
        """By which a value in world units and normalised time is multiplied to be in `unit(dimension)`."""
        sizes = ((self.unit_mm, dimension.length), (self.duration_s, dimension.time))
        above = below = 1.0
        for size, power in sizes:
            if size is not None:
                # a division, not a negative power: 1 / unit_mm is rounded once
                above *= size ** max(power, 0)
                below *= size ** max(-power, 0)
        return above / below

    def unit(self, dimension: Dimension) -> str:
        """The unit's name: "1/mm", "mm/s", "1/world unit", "world unit/time unit", or "1" for a number."""
        names = ((self.length_unit, dimension.length), (self.time_unit, dimension.time))
        above = " ".join(_power(name, power) for name, power in names if power > 0)
        return (above or "1") + "".join(f"/{_power(name, -power)}" for name, power in names if power < 0)

    @property
    def length_unit(self) -> str:
        """Name of the unit of length."""
        return "world unit" if self.unit_mm is None else "mm"

    @property
    def time_unit(self) -> str:
        """Name of the unit of time."""
        return "time unit" if self.duration_s is None else "s"

    @property
    def ome_length(self) -> str | None:
        """Unit of length as OME-Zarr spells it (UDUNITS-2); None where it is unknown."""
        return None if self.unit_mm is None else "millimeter"

    @property
    def ome_time(self) -> str | None:
        """Unit of time as OME-Zarr spells it (UDUNITS-2); None where it is unknown."""
        return None if self.duration_s is None else "second"


WORLD = Scale()  # nothing known: world units and normalised time


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"
