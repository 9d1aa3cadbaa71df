"""A smooth step in time with a trained centre and width."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from xct4d.config import Mixing
from xct4d.fields import storage
from xct4d.fields.mixers.base import TrainedMixer

WIDTH = 2 / 3  # before training: in the middle as steep as 3t^2 - 2t^3


class TrainedSmoothStepMixer(TrainedMixer):
    """alpha = sigmoid((logit(t) - logit(c)) / w), which is 0 at t = 0, 1/2 at the centre c, and 1 at t = 1.

    The width w is 1 where alpha = t (c = 1/2), and less for a sharper step. c = 1/2 before training.
    """

    def __init__(self):
        super().__init__()
        self.centre_logit = nn.Parameter(torch.tensor(0.0))
        self.log_width = nn.Parameter(torch.tensor(WIDTH).log())

    @classmethod
    def from_settings(cls, settings: Mixing) -> Self:
        return cls()

    def forward(self, points: Tensor, t: float) -> Tensor:
        if t in (0.0, 1.0):  # whatever centre and width are: the logit is infinite
            return points.new_full((len(points),), t)
        logit = torch.logit(torch.full((), t, device=points.device))
        return torch.sigmoid((logit - self.centre_logit) / self.log_width.exp()).expand(len(points))

    def save(self, path: Path) -> None:
        storage.write(path, "smooth step mixer", {}, {"centre_logit": self.centre_logit, "log_width": self.log_width})

    @classmethod
    def load(cls, path: Path) -> Self:
        _, tensors = storage.read(path, "smooth step mixer")
        mixer = cls()
        with torch.no_grad():
            mixer.centre_logit.copy_(tensors["centre_logit"])
            mixer.log_width.copy_(tensors["log_width"])
        return mixer
