"""Where, as seen from the rotation axis, is what attenuates? It must lie in the box [-1, 1]^3.

Poses in mm, or in units of another volume, scale everything about the axis: the
images are sound, but the box shows a part of the sample, or nothing of it.
"""

from __future__ import annotations

import numpy as np

from xct4d.checks.rays import sample_rays, way_through_column
from xct4d.geometry.views import Views

DARK = 0.1  # of the strongest attenuation: above it a ray passes through the sample
LEAST = 0.05  # attenuation of a sample that shows at all
BEYOND = 1.2  # times the box's half width to which a sample may reach, as positions and units are rounded
FEW = 0.01  # part of all rays below which dark ones are specks
PART = 0.05  # of the dark rays that pass beside the box where it is smaller than the sample
TINY = 0.03  # of the box's half width: a sample that fills no more is out of scale


class Extent:
    """The sample's distance from the rotation axis, over all projections of a state."""

    def __init__(self) -> None:
        self._transmission: list[np.ndarray] = []
        self._distance: list[np.ndarray] = []  # of each ray from the axis, world units
        self._height: list[np.ndarray] = []  # z where it comes nearest to the axis
        self._hit: list[np.ndarray] = []  # whether it passes through the box
        self._beside: list[np.ndarray] = []  # whether it passes beside a column BEYOND times as wide as the box

    def add(self, image: np.ndarray, views: Views, view: int, mask: np.ndarray | None = None) -> None:
        """Look at one projection: transmission [height, width]. mask: which pixels count; None where all do."""
        column, row, rays = sample_rays(views, view, mask)
        origin, direction = rays[:, :3], rays[:, 3:6]
        across = np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-12)
        nearest = -(origin[:, :2] * direction[:, :2]).sum(1) / across**2
        self._transmission.append(image[row, column])
        self._distance.append(np.abs(origin[:, 0] * direction[:, 1] - origin[:, 1] * direction[:, 0]) / across)
        self._height.append(origin[:, 2] + nearest * direction[:, 2])
        self._hit.append(rays[:, 7] > rays[:, 6])
        self._beside.append(way_through_column(rays, BEYOND) == 0)

    def complaint(self, air: float) -> str | None:
        """What is wrong with the scale, in words; None where nothing is. air: the transmission of air."""
        kept = (self._transmission, self._distance, self._height, self._hit, self._beside)
        transmission, distance, height, hit, beside = map(np.concatenate, kept)
        attenuation = -np.log(np.maximum(transmission, 1e-4) / air)
        strongest = float(np.quantile(attenuation, 0.999))
        dark = attenuation > DARK * strongest
        if strongest < LEAST or dark.mean() < FEW or not hit.any():
            return None
        farthest = float(np.quantile(distance[dark], 0.95))
        if dark[hit].mean() < FEW:
            far = max(farthest, float(np.quantile(np.abs(height[dark]), 0.95)))
            attenuated = f"nothing attenuates inside the box, though {dark.mean():.0%} of all rays are attenuated"
            return f"{attenuated}: what attenuates lies up to {far:.2g} world units away"
        level = np.abs(height) <= 1  # above and below may stand platens and a holder
        outside = level & beside & dark
        if outside.sum() >= FEW * len(dark) and outside.sum() > PART * (level & dark).sum():
            wide = float(np.quantile(distance[dark & level], 0.98))
            return f"the box is smaller than the sample: what attenuates reaches {wide:.2g} world units from the axis, the box's faces 1"
        if farthest < TINY and level[dark].all():
            return f"what attenuates fills {farthest:.2g} of the box's half width"
        return None
