"""What may be out of adjustment about a source and its detector, against what the files say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xct4d.geometry.corrections import of_sample_at, rolled
from xct4d.geometry.views import Views

NAMES = ("column_px", "row_px", "roll_deg", "angle_deg", "distance")


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Of the cameras of one source and detector, in pixels of the prepared images."""

    column_px: float = 0.0  # the beam meets the detector at a right angle so far to the right of where the files put it
    row_px: float = 0.0  # and so far below
    roll_deg: float = 0.0  # the rotation axis leans to the right in the image
    angle_deg: float = 0.0  # the stage's angle is larger, counter-clockwise seen from above
    distance: float = 0.0  # the source is farther from the rotation axis, as a part of its distance

    @classmethod
    def of(cls, values: np.ndarray) -> Correction:
        """values: [5] in the order of NAMES."""
        return cls(**dict(zip(NAMES, map(float, values), strict=True)))

    def values(self) -> np.ndarray:
        """[5] in the order of NAMES."""
        return np.array([getattr(self, name) for name in NAMES])

    def applied(self, views: Views) -> Views:
        """The cameras corrected."""
        poses = np.array(views.camera_to_world)
        back = poses[:, :, 2]
        poses[:, :, 3] += self.distance * (poses[:, :, 3] * back).sum(1, keepdims=True) * back
        poses = np.ascontiguousarray(of_sample_at(rolled(poses, self.roll_deg), self.angle_deg, np.zeros(3)))
        return replace(views, camera_to_world=poses, centre=views.centre + np.array([self.column_px, self.row_px]))
