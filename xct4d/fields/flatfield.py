"""The flat field: the level I0 of air may drift in time, which multiplies transmission by exp(-f(t))."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from xct4d.fields import storage
from xct4d.fields.time_spline import time_weights


class FlatField(nn.Module):
    """f(t): a cubic B-spline in time, or a constant where there is but one control point."""

    def __init__(self, control: Tensor):
        super().__init__()
        self.control = nn.Parameter(control.float().clone())

    @classmethod
    def constant(cls, level: float) -> FlatField:
        """f = -log(level); level is the I0 that air has, 1 where it is exactly 1."""
        return cls(torch.tensor([-math.log(level)]))

    @classmethod
    def between(cls, start: float, stop: float, knots: int) -> FlatField:
        """The spline that runs straight from f(0) = start to f(1) = stop."""
        place = (np.arange(knots) - 1) / (knots - 3)
        return cls(torch.from_numpy(start + (stop - start) * place))

    def forward(self, t: float) -> Tensor:
        """f at a time in [0, 1]: a scalar."""
        if len(self.control) == 1:
            return self.control[0]
        return (time_weights(len(self.control), [t], self.control.device) @ self.control)[0]

    @torch.no_grad()
    def level(self, t: float) -> float:
        """f at a time in [0, 1], without gradients."""
        return float(self(t))

    def save(self, path: Path) -> None:
        storage.write(path, "flat field", {}, {"control": self.control})

    @classmethod
    def load(cls, path: Path) -> FlatField:
        """Read what `save` wrote. Raises InputError where it is missing, damaged or holds another kind of field."""
        return cls(storage.read(path, "flat field")[1]["control"])
