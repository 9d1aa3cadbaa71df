"""What a format is given to write: the volumes of one reconstruction or quantity over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xct4d.io.ome_zarr import Volume, open_volume
from xct4d.quantities import Quantity
from xct4d.units import TIME, Scale


@dataclass(frozen=True)
class Film:
    """Volumes over time, each opened when it is asked for."""

    name: str  # such as "mixed" or "displacement"
    volumes: Mapping[float, Path]  # by their time in [0, 1], rising
    scale: Scale  # of the dataset

    @property
    def times(self) -> list[float]:
        return list(self.volumes)

    @property
    def quantity(self) -> Quantity:
        return self.open(self.times[0]).quantity

    def open(self, t: float) -> Volume:
        """The volume of a time."""
        return open_volume(self.volumes[t])

    def moment(self, t: float) -> float:
        """A time in seconds, or in time units where a second is unknown."""
        return t * self.scale.factor(TIME)


def films(volumes: Mapping[tuple[str, float], Path], scale: Scale) -> list[Film]:
    """A film for each name. volumes: by name and time."""
    names = dict.fromkeys(name for name, _ in volumes)
    return [Film(name, {t: volumes[own, t] for own, t in sorted(volumes, key=lambda key: key[1]) if own == name}, scale) for name in names]


def time_name(t: float) -> str:
    """A time in the names of files, in their order: t0.5000."""
    return f"t{t:.4f}" if float(f"{t:.4f}") == t else f"t{t!r}"
