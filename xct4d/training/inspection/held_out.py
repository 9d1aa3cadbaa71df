"""Held-out projections: how well a model predicts what it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from xct4d.fields.flatfield import FlatField
from xct4d.io.prepared import Frames
from xct4d.metrics import psnr, ssim
from xct4d.selection import evenly_spaced
from xct4d.training.inspection.render import render
from xct4d.training.sampling.rays import OccupiedCells, TimePoint

MONITOR_PIXELS = 128  # along the longer side: enough to watch a training, cheap enough to do often
MONITOR_SAMPLES = 128  # along a ray


@dataclass(frozen=True)
class Comparison:
    """A held-out projection beside its prediction, both [h, w] float32 transmission."""

    name: str
    measured: np.ndarray
    predicted: np.ndarray
    mask: np.ndarray | None = None  # [h, w] bool: which pixels count; None where all do

    @property
    def psnr(self) -> float:
        return psnr(self.predicted, self.measured, self.mask)

    @property
    def ssim(self) -> float:
        return ssim(self.predicted, self.measured, self.mask)


def chosen_frames(held_out: Sequence[TimePoint], at_most: int) -> list[tuple[Frames, int]]:
    """(frames, index) of at most `at_most` held-out projections, evenly spaced in the order of their times."""
    frames = [(time_point.source, int(f)) for time_point in held_out for f in time_point.frames]
    return [frames[i] for i in evenly_spaced(len(frames), at_most)]


def compare(
    density: Callable[[Tensor, float], Tensor],
    flat_field: FlatField,
    shown: Sequence[tuple[Frames, int]],
    *,
    cells: OccupiedCells,
) -> list[Comparison]:
    """Frames beside their predictions on a coarse raster of their pixels.

    density: attenuation [N] at points [N, 3] and a time, without gradients.
    cells: the occupied cells at a time, outside of which nothing is sampled.
    """
    found = []
    for frames, frame in shown:
        stride = -(-max(frames.size(frame)) // MONITOR_PIXELS)
        predicted = render(density, flat_field.level, frames, frame, samples=MONITOR_SAMPLES, stride=stride, cells=cells)
        mask = frames.mask(frame)
        counts = None if mask is None else mask[::stride, ::stride]
        found.append(Comparison(frames.name[frame], frames.image(frame)[::stride, ::stride], predicted, counts))
    return found
