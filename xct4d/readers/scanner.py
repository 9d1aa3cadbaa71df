"""A scanner's own record of its geometry, in the terms that all makers share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Posed(Protocol):
    """What has camera poses, such as a projection."""

    @property
    def camera_to_world(self) -> np.ndarray: ...  # [k, 3, 4] float64


@dataclass(frozen=True)
class ScannerRecord:
    """Geometry of a cone-beam scan, lengths in mm."""

    path: Path
    source_to_object: float  # from the source to the rotation axis
    source_to_detector: float
    pixels: tuple[int, int]  # of the whole detector, columns and rows
    pixel_size: tuple[float, float]
    unit_mm: float  # half the width of the reconstructed volume

    def focal(self) -> tuple[float, float]:
        """Focal length along columns and rows, in pixels of the whole detector."""
        return self.source_to_detector / self.pixel_size[0], self.source_to_detector / self.pixel_size[1]

    def measured_unit_mm(self, projections: Iterable[Posed]) -> float:
        """mm per world unit: source_to_object over the source's distance from the rotation axis in world units.

        It equals `unit_mm` where the box is the scanner's volume, and stays
        right where the poses were computed with another scale.
        """
        import numpy as np  # planning reads this module without it

        distance = [np.hypot(*pose[:2, 3]) for projection in projections for pose in projection.camera_to_world]
        return self.source_to_object / float(np.median(distance))
