"""One mixing coefficient for all places and times."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from xct4d.config import Mixing
from xct4d.fields.mixers.base import Mixer


class ConstantMixer(Mixer):
    """alpha = a constant."""

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha = alpha

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls(settings.alpha)

    def forward(self, points: Tensor, t: float) -> Tensor:
        return points.new_full((len(points),), self.alpha)
