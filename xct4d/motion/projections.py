"""The projections of the sequence as line integrals, time point by time point, for fits that take all their pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xct4d.geometry.masked import masked_average
from xct4d.geometry.views import Views
from xct4d.io.prepared import Frames
from xct4d.selection import evenly_spaced

DARKEST = 0.5 / 65535  # transmission that stands for none: half a step of 16 bit


@dataclass(frozen=True)
class Projections:
    """Line integrals that were exposed together."""

    time: float
    image: np.ndarray  # [V, height, width] float32
    views: Views  # [V]
    counts: np.ndarray | None = None  # [V, height, width] bool: which pixels count; None where all do

    def binned(self, factor: int) -> Projections:
        """Means over factor x factor pixels; remainders at the right and lower edges are cut off."""
        views = self.views.downscaled(factor)
        if self.counts is not None:
            parts = [masked_average(image, mask, factor) for image, mask in zip(self.image, self.counts, strict=True)]
            return Projections(self.time, np.stack([image for image, _ in parts]), views, np.stack([mask for _, mask in parts]))
        height, width = (n // factor for n in self.image.shape[1:])
        blocks = self.image[:, : height * factor, : width * factor].reshape(-1, height, factor, width, factor)
        return Projections(self.time, np.ascontiguousarray(blocks.mean((2, 4), dtype=np.float32)), views)

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
        view = frames.main_view(f)
        if 0 < frames.time[view] < 1:
            groups.setdefault((float(frames.time[view]), frames.size(f)), []).append((int(f), view))
    return [_line_integrals(frames, members, time, flat_field(time)) for (time, _), members in sorted(groups.items())]


def projections_of_scan(frames: Frames, time: float, flat_field: float, count: int) -> Projections:
    """-log(I) - f of at most `count` trained projections of a scan, evenly chosen among those of the first one's size."""
    trained = np.flatnonzero(~frames.held_out)
    alike = [int(f) for f in trained if frames.size(f) == frames.size(trained[0])]
    return _line_integrals(
        frames, [(f, frames.main_view(f)) for f in (alike[k] for k in evenly_spaced(len(alike), count))], time, flat_field
    )


def _line_integrals(frames: Frames, members: list[tuple[int, int]], time: float, flat_field: float) -> Projections:
    images = np.stack([-np.log(np.maximum(frames.image(f), DARKEST)) - flat_field for f, _ in members])
    views = frames.views[np.array([view for _, view in members])]
    masks = [mask for f, _ in members if (mask := frames.mask(f)) is not None]  # of all or of none
    return Projections(time, images.astype(np.float32), views, np.stack(masks) if masks else None)
