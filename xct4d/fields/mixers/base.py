"""The interface of mixers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from torch import Tensor, nn

from xct4d.config import Mixing


class Mixer(nn.Module, ABC):
    """alpha(x, t) in [0, 1]."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mixing) -> Self:
        """The mixer that a configuration describes; one that is trained, as it is before training."""

    @abstractmethod
    def forward(self, points: Tensor, t: float) -> Tensor:
        """alpha at points [N, 3] (x, y, z) and a time in [0, 1]: [N]."""


class TrainedMixer(Mixer):
    """A mixer whose parameters the mixing stage trains and stores.

    Buffers are what training changes without a gradient, as `trained_so_far` does.
    """

    def trained_so_far(self, part: float) -> None:
        """Called before each step of the training, of which a part in [0, 1] is over: 0 at the first step, 1 at the last."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the mixer to a file."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote. Raises InputError where it is missing, damaged or holds another kind of field."""
