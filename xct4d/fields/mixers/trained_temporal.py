"""A mixing coefficient that is a trained function of time."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from xct4d.config import Mixing
from xct4d.fields import storage
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.time_spline import time_weights


class TrainedTemporalMixer(TrainedMixer):
    """alpha = sigmoid(logit(t) + s(t)), s a cubic B-spline in time, zero before training.

    At t = 0 and t = 1 the logit is infinite, so that each scan stands alone at its own time.
    """

    def __init__(self, modes: int):
        """modes: control points in time."""
        super().__init__()
        self.control = nn.Parameter(torch.zeros(modes))

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls(settings.modes)

    def forward(self, points: Tensor, t: float) -> Tensor:
        shift = time_weights(len(self.control), [t], points.device)[0] @ self.control
        return torch.sigmoid(torch.logit(torch.full((), t, device=points.device)) + shift).expand(len(points))

    def save(self, path: Path) -> None:
        storage.write(path, "temporal mixer", {}, {"control": self.control})

    @classmethod
    def load(cls, path: Path) -> Self:
        _, tensors = storage.read(path, "temporal mixer")
        mixer = cls(len(tensors["control"]))
        with torch.no_grad():
            mixer.control.copy_(tensors["control"])
        return mixer
