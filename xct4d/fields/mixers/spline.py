"""A trained mixing coefficient."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from xct4d.config import Mixing
from xct4d.fields import storage
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.time_spline import time_weights
from xct4d.kernels import bspline


class SplineMixer(TrainedMixer):
    """alpha = sigmoid(logit(t) + s(x, t)), s a cubic B-spline in space and time, zero before training.

    At t = 0 and t = 1 the logit is infinite, so that each scan stands alone at its own time.
    """

    def __init__(self, resolution: int, modes: int):
        """resolution: control points per axis of space; modes: control points in time."""
        super().__init__()
        self.control = nn.Parameter(torch.zeros(modes, resolution, resolution, resolution))

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls(settings.resolution, settings.modes)

    def forward(self, points: Tensor, t: float) -> Tensor:
        weights = time_weights(len(self.control), [t], points.device)[0]
        shift = bspline.sample(torch.tensordot(weights, self.control, 1), points)
        return torch.sigmoid(torch.logit(torch.full((), t, device=points.device)) + shift)

    def save(self, path: Path) -> None:
        modes, n = self.control.shape[:2]
        storage.write(path, "mixer", {"modes": modes, "resolution": n}, {"control": self.control})

    @classmethod
    def load(cls, path: Path) -> Self:
        settings, tensors = storage.read(path, "mixer")
        mixer = cls(**settings)
        with torch.no_grad():
            mixer.control.copy_(tensors["control"])
        return mixer
