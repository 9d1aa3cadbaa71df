"""The geometry of a scan on a circle, in mm and pixels as scanners state it, and the cameras that follow.

Lengths along the beam are those of the source, the rotation axis and the
detector. A parallel beam is a source PARALLEL world units away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xct4d.errors import InputError
from xct4d.geometry.corrections import rolled, tilted, with_axis_to_the_right
from xct4d.geometry.views import orbit

LARGEST = 100_000  # pixels along one side of a detector
PARALLEL = 4000.0  # distance of the source: over the box the magnification then changes by 1/4000 (a quarter of a pixel of 2000), and float32 resolves 0.0003
FAR = 10  # widths of an image from its middle beyond which no beam meets the detector
LAW = 1e-3  # relative difference up to which a file's pixel at the axis and its distances agree


@dataclass(frozen=True, kw_only=True)
class Circle:
    """One scan. Raises InputError for sizes and distances that no scanner has; `where` is the file, for messages."""

    where: str
    size: tuple[int, int]  # columns and rows of an image
    pixel_mm: tuple[float, float]  # width and height of a pixel: at the detector; of a parallel beam at the sample
    source_to_axis_mm: float | None  # None: parallel beam
    source_to_detector_mm: float | None
    unit_mm: float | None = None  # mm per world unit, half the width of the box; None: half the longer side of the image, seen at the axis
    centre: tuple[float, float] | None = None  # column and row where the beam is perpendicular to the detector; None: the image's middle
    axis_mm: float = 0.0  # how far the rotation axis lies to the right of the line from the source to `centre`
    roll_deg: float = 0.0  # the axis leans to the right in the image
    tilt_deg: float = 0.0  # its upper end leans towards the source

    def __post_init__(self):
        if not all(1 <= n <= LARGEST for n in self.size):
            raise InputError(f"an image of {self.size[0]} x {self.size[1]} pixels cannot be", where=self.where)
        if not all(0 < pixel < math.inf for pixel in self.pixel_mm):
            raise InputError(f"pixels of {self.pixel_mm[0]:g} x {self.pixel_mm[1]:g} mm cannot be", where=self.where)
        if (self.source_to_axis_mm is None) != (self.source_to_detector_mm is None):
            raise ValueError("a cone beam has both distances, a parallel beam none")
        if self._cone is not None and not 0 < self._cone[0] < self._cone[1] < math.inf:
            what = f"the rotation axis at {self.source_to_axis_mm:g} mm from the source must lie before the detector at {self.source_to_detector_mm:g} mm"
            raise InputError(what, where=self.where, fix="correct the distances; are the two exchanged?")
        self._refuse_what_is_not_seen()
        if abs(self.tilt_deg) >= 90:
            raise InputError(f"a tilt of {self.tilt_deg:g} degrees cannot be", where=self.where)

    def _refuse_what_is_not_seen(self) -> None:
        """Raises InputError where the rotation axis or the middle of the beam lies far outside the images."""
        width = self.size[0] * self.pixel_at_axis_mm[0]
        if not abs(self.axis_mm) <= width:
            what = f"the rotation axis {self.axis_mm:g} mm beside the middle of images {width:.4g} mm wide cannot be"
            raise InputError(what, where=self.where, fix="correct the offset of the axis")
        for place, n in zip(self.centre or (), self.size, strict=False):
            if not abs(place - n / 2) <= FAR * n:
                what = f"the middle of the beam at pixel {place:g} of {n} cannot be"
                raise InputError(what, where=self.where, fix="correct the offset of the detector")

    @property
    def _cone(self) -> tuple[float, float] | None:
        """Source to axis and to detector, mm."""
        if self.source_to_axis_mm is None or self.source_to_detector_mm is None:
            return None
        return self.source_to_axis_mm, self.source_to_detector_mm

    @property
    def pixel_at_axis_mm(self) -> tuple[float, float]:
        """Width and height that a pixel covers at the rotation axis: detector pixel x SOD / SDD."""
        across, down = self.pixel_mm
        return across / self.magnification, down / self.magnification

    @property
    def magnification(self) -> float:
        return 1.0 if self._cone is None else self._cone[1] / self._cone[0]

    @property
    def world_mm(self) -> float:
        """mm per world unit."""
        if self.unit_mm is not None:
            return self.unit_mm
        return max(n * pixel for n, pixel in zip(self.size, self.pixel_at_axis_mm, strict=True)) / 2

    @property
    def is_parallel(self) -> bool:
        """Whether the source is so far away that its rays are taken for parallel."""
        return self._cone is None or self._cone[0] > PARALLEL * self.world_mm

    @property
    def focal(self) -> tuple[float, float]:
        """Focal length along columns and rows, pixels."""
        if self._cone is None or self.is_parallel:
            return self.world_mm * PARALLEL / self.pixel_at_axis_mm[0], self.world_mm * PARALLEL / self.pixel_at_axis_mm[1]
        return self._cone[1] / self.pixel_mm[0], self._cone[1] / self.pixel_mm[1]

    def check_law(self, pixel_at_axis_mm: float, key: str, tolerance: float = LAW) -> None:
        """Compare the pixel at the axis that a file states with detector pixel x SOD / SDD.

        Raises InputError where they differ by more than `tolerance` of it: a
        distance is swapped or halved, binning counted twice, or um taken for mm.
        """
        own = self.pixel_at_axis_mm[0]
        if abs(pixel_at_axis_mm / own - 1) > tolerance:
            what = (
                f"is {pixel_at_axis_mm:.6g} mm, but a detector pixel of {self.pixel_mm[0]:.6g} mm over the magnification "
                f"{self.magnification:.6g} is {own:.6g} mm: a factor of {pixel_at_axis_mm / own:.4g}"
            )
            raise InputError(what, where=f"{self.where}: {key}", fix="correct the distance or the size of a pixel that is wrong")

    def camera(self, azimuth_deg: float) -> np.ndarray:
        """Camera-to-world [1, 3, 4] of a source at an azimuth from +x towards +y as seen from the sample, which is minus the angle of its stage."""
        distance = PARALLEL if self._cone is None or self.is_parallel else self._cone[0] / self.world_mm
        pose = orbit(azimuth_deg, 90.0, distance)[None]
        pose = with_axis_to_the_right(pose, self.axis_mm / self.world_mm)
        return rolled(tilted(pose, self.tilt_deg), self.roll_deg)

    def placed(self, azimuth_deg: float) -> dict:
        """The part of a `Projection` that is geometry."""
        return {
            "camera_to_world": self.camera(azimuth_deg),
            "focal": self.focal,
            "centre": self.centre or (self.size[0] / 2, self.size[1] / 2),
            "size": self.size,
            "weight": np.ones(1),
        }
