"""A mixing coefficient that is a trained function of time and grows steeper while it is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from xct4d.config import Mixing
from xct4d.fields import storage
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.time_spline import time_weights


class AnnealedTemporalMixer(TrainedMixer):
    """alpha = sigmoid(a (logit(t) + s(t))), s a cubic B-spline in time, zero before training.

    The slope a runs straight from its initial to its final value over the
    training: small, it blends both scans at all times; large, it chooses one.
    """

    slope: Tensor

    def __init__(self, modes: int, initial_slope: float, final_slope: float):
        """modes: control points in time; the slopes are above 0."""
        super().__init__()
        self.control = nn.Parameter(torch.zeros(modes))
        self._slopes = initial_slope, final_slope
        self.register_buffer("slope", torch.tensor(initial_slope))

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls(settings.modes, settings.initial_slope, settings.final_slope)

    def trained_so_far(self, part: float) -> None:
        initial, final = self._slopes
        self.slope.fill_(initial + part * (final - initial))

    def forward(self, points: Tensor, t: float) -> Tensor:
        shift = time_weights(len(self.control), [t], points.device)[0] @ self.control
        return torch.sigmoid(self.slope * (torch.logit(torch.full((), t, device=points.device)) + shift)).expand(len(points))

    def save(self, path: Path) -> None:
        storage.write(path, "annealed temporal mixer", {}, {"control": self.control, "slope": self.slope})

    @classmethod
    def load(cls, path: Path) -> Self:
        _, tensors = storage.read(path, "annealed temporal mixer")
        mixer = cls(len(tensors["control"]), float(tensors["slope"]), float(tensors["slope"]))
        with torch.no_grad():
            mixer.control.copy_(tensors["control"])
        return mixer
