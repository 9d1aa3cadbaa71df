"""What may be wrong with a scan's geometry: corrections that `input.geometry` has keys for, and two that it has not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xct4d.config import Geometry
from xct4d.doctor.evidence import Evidence
from xct4d.geometry.corrections import rolled, with_axis_to_the_right


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A correction of the cameras, in pixels of the full image; each field but `transpose` and `reverse` is the key of input.geometry of that name."""

    mirror: bool = False
    transpose: bool = False  # rows and columns of every image are exchanged
    reverse: bool = False  # the images are in reverse order
    focal_factor: float = 1.0
    axis_shift_px: float = 0.0
    row_shift_px: float = 0.0
    roll_deg: float = 0.0

    def applied(self, evidence: Evidence) -> Evidence:
        """The evidence under this hypothesis. The same corrections in the same order as `xct4d.readers.corrected` makes them."""
        if self.transpose:
            evidence = evidence.transposed()
        if self.mirror:
            evidence = evidence.mirrored()
        if self.reverse:
            evidence = evidence.reordered(np.arange(len(evidence))[::-1])
        return self.moved(evidence)

    def moved(self, evidence: Evidence) -> Evidence:
        """The cameras moved, for evidence that is mirrored and reordered already."""
        views = evidence.views
        focal = views.focal * self.focal_factor
        distance = np.hypot(*views.camera_to_world[:, :2, 3].T)
        shift = self.axis_shift_px / evidence.factor[0] * distance / focal[:, 0]
        poses = rolled(with_axis_to_the_right(views.camera_to_world, shift), self.roll_deg)
        centre = views.centre + np.array([0.0, self.row_shift_px / evidence.factor[1]])
        return replace(evidence, views=replace(views, camera_to_world=np.ascontiguousarray(poses), focal=focal, centre=centre))

    def onto(self, given: Geometry) -> dict[str, Any]:
        """The section that makes these corrections on top of those that the configuration has; empty where nothing is to be corrected."""
        whole = {
            "mirror": given.mirror != self.mirror,
            "axis_shift_px": round(given.axis_shift_px + self.axis_shift_px, 2),
            "row_shift_px": round(given.row_shift_px + self.row_shift_px, 2),
            "roll_deg": round(given.roll_deg + self.roll_deg, 3),
            "focal_factor": float(f"{given.focal_factor * self.focal_factor:.4g}"),
        }
        changed = {name: value for name, value in whole.items() if getattr(self, name) != getattr(Hypothesis(), name)}
        return given.model_dump(exclude_defaults=True) | changed if changed else {}
