"""The projections of the sequence as line integrals, time point by time point, for fits that take all their pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xct4d.geometry.views import Views
from xct4d.io.prepared import Frames

DARKEST = 0.5 / 65535  # transmission that stands for none: half a step of 16 bit


@dataclass(frozen=True)
class Projections:
    """Line integrals that were exposed together."""

    time: float
    image: np.ndarray  # [V, height, width] float32
    views: Views  # [V]

    def binned(self, factor: int) -> Projections:
        """Means over factor x factor pixels; remainders at the right and lower edges are cut off."""
        height, width = (n // factor for n in self.image.shape[1:])
        blocks = self.image[:, : height * factor, : width * factor].reshape(-1, height, factor, width, factor)
        return Projections(self.time, np.ascontiguousarray(blocks.mean((2, 4), dtype=np.float32)), self.views.downscaled(factor))

    @property
    def pixel(self) -> float:
        """Size of a pixel on the rotation axis, world units."""
        pose = self.views.camera_to_world
        return float(np.median((pose[:, :, 3] * pose[:, :, 2]).sum(1) / self.views.focal[:, 0]))


def projections_between(frames: Frames, flat_field: Callable[[float], float]) -> list[Projections]:
    """-log(I) - f of the trained projections between the scans, one entry per time (and image size), rising in time.

    Of a frame with several views (motion blur) the view with the largest weight
    is taken. flat_field: f(t) of the I0 level exp(-f).
    """
    groups: dict[tuple[float, tuple[int, int]], list[tuple[int, int]]] = {}
    for f in np.flatnonzero(~frames.held_out):
        views = np.arange(frames.first_view[f], frames.first_view[f + 1])
        view = int(views[np.argmax(frames.weight[views])])
        if 0 < frames.time[view] < 1:
            groups.setdefault((float(frames.time[view]), frames.size(f)), []).append((int(f), view))
    found = []
    for (time, _), members in sorted(groups.items()):
        images = np.stack([-np.log(np.maximum(frames.image(f), DARKEST)) - flat_field(time) for f, _ in members])
        found.append(Projections(time, images.astype(np.float32), frames.views[np.array([view for _, view in members])]))
    return found
