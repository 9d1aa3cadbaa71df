"""Held-out projections: how well a model predicts what it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from xct4d.io.prepared import Frames
from xct4d.metrics import psnr, ssim
from xct4d.training.rays import Cells, Moment
from xct4d.training.render import render

MONITOR_PIXELS = 128  # along the longer side: enough to watch a training, cheap enough to do often
MONITOR_SAMPLES = 128


@dataclass(frozen=True)
class Comparison:
    """A held-out projection beside its prediction, both [h, w] float32."""

    name: str
    measured: np.ndarray
    predicted: np.ndarray

    @property
    def psnr(self) -> float:
        return psnr(self.predicted, self.measured)

    @property
    def ssim(self) -> float:
        return ssim(self.predicted, self.measured)


def spread(held_out: list[Moment], count: int) -> list[tuple[Frames, int]]:
    """At most `count` held-out frames, spread evenly over the moments."""
    frames = [(moment.source, int(f)) for moment in held_out for f in moment.frames]
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)) if frames else []
    return [frames[i] for i in chosen]


def compare(
    density: Callable[[Tensor, float], Tensor], flat_field: Callable[[float], float], frames: Frames, frame: int, *, cells: Cells
) -> Comparison:
    """Prediction of a frame on a coarse raster of its pixels; cells: which hold material at a time."""
    stride = -(-max(frames.size(frame)) // MONITOR_PIXELS)
    predicted = render(density, flat_field, frames, frame, samples=MONITOR_SAMPLES, stride=stride, cells=cells)
    return Comparison(frames.name[frame], frames.image(frame)[::stride, ::stride], predicted)
