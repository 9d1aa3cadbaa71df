"""One trained mixing coefficient for all places and times."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from xct4d.config import Mixing
from xct4d.fields import storage
from xct4d.fields.mixers.base import TrainedMixer


class TrainedConstantMixer(TrainedMixer):
    """alpha = sigmoid(a) with one trained number a; `mixing.alpha` before training."""

    def __init__(self, alpha: float):
        """alpha: above 0 and below 1."""
        super().__init__()
        self.logit = nn.Parameter(torch.logit(torch.tensor(alpha)))

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls(settings.alpha)

    def forward(self, points: Tensor, t: float) -> Tensor:
        return torch.sigmoid(self.logit).expand(len(points))

    def save(self, path: Path) -> None:
        storage.write(path, "constant mixer", {}, {"logit": self.logit})

    @classmethod
    def load(cls, path: Path) -> Self:
        _, tensors = storage.read(path, "constant mixer")
        mixer = cls(0.5)
        with torch.no_grad():
            mixer.logit.copy_(tensors["logit"])
        return mixer
