"""What a wrong parameter of the cameras does to the volume."""

from __future__ import annotations

import numpy as np

from xct4d.doctor.consistency import radius
from xct4d.doctor.evidence import Evidence

BLUR = 1.0  # pixels of the evidence from which it matters


def blur(evidence: Evidence, name: str, value: float) -> float:
    """About by how many pixels of the evidence a wrong parameter smears the volume."""
    views = evidence.views
    distance = float(np.hypot(*views.camera_to_world[:, :2, 3].T).mean())
    part = radius(evidence) / distance  # of the way from the source to the axis
    if name == "focal_factor":
        return abs(np.log(value)) * part**2 * float(views.focal[:, 0].mean())
    if name == "axis_shift_px":
        return abs(value) / evidence.factor[0]
    if name == "row_shift_px":
        return abs(value) / evidence.factor[1] * part
    return abs(np.deg2rad(value)) * evidence.images.shape[1] / 2
