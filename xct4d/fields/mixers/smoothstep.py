"""The mixing coefficient as a smooth step in time."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from xct4d.config import Mixing
from xct4d.fields.mixers.base import Mixer


class SmoothStepMixer(Mixer):
    """alpha = 3t^2 - 2t^3."""

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls()

    def forward(self, points: Tensor, t: float) -> Tensor:
        return points.new_full((len(points),), t * t * (3 - 2 * t))
