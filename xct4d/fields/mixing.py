"""The mixing coefficient alpha(x, t): the weight of the backward canonical."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from xct4d.config import Mixing
from xct4d.fields import storage
from xct4d.fields.velocity import time_weights
from xct4d.kernels import bspline


class ConstantMixer(nn.Module):
    """alpha = a constant."""

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha = alpha

    def forward(self, points: Tensor, t: float) -> Tensor:  # [N, 3] -> [N]
        """alpha at points (x, y, z) and a time in [0, 1]."""
        return points.new_full((len(points),), self.alpha)


class TemporalMixer(nn.Module):
    """alpha = t."""

    def forward(self, points: Tensor, t: float) -> Tensor:  # [N, 3] -> [N]
        """alpha at points (x, y, z) and a time in [0, 1]."""
        return points.new_full((len(points),), t)


class SmoothStepMixer(nn.Module):
    """alpha = 3t^2 - 2t^3."""

    def forward(self, points: Tensor, t: float) -> Tensor:  # [N, 3] -> [N]
        """alpha at points (x, y, z) and a time in [0, 1]."""
        return points.new_full((len(points),), t * t * (3 - 2 * t))


class SplineMixer(nn.Module):
    """alpha = sigmoid(logit(t) + s(x, t)), s a cubic B-spline in space and time that starts at zero.

    At t = 0 and t = 1 the logit is infinite, so each canonical stands alone at its own end.
    """

    def __init__(self, resolution: int, modes: int):
        super().__init__()
        self.control = nn.Parameter(torch.zeros(modes, resolution, resolution, resolution))

    def forward(self, points: Tensor, t: float) -> Tensor:  # [N, 3] -> [N]
        """alpha at points (x, y, z) and a time in [0, 1]."""
        weights = time_weights(len(self.control), [t], points.device)[0]
        shift = bspline.sample(torch.tensordot(weights, self.control, 1), points)
        return torch.sigmoid(torch.logit(torch.full((), t, device=points.device)) + shift)

    def save(self, path: Path) -> None:
        modes, n = self.control.shape[:2]
        storage.write(path, "mixer", {"modes": modes, "resolution": n}, {"control": self.control})

    @classmethod
    def load(cls, path: Path) -> SplineMixer:
        """Read what `save` wrote. Raises InputError where it is missing, damaged or holds another kind of field."""
        settings, tensors = storage.read(path, "mixer")
        mixer = cls(**settings)
        with torch.no_grad():
            mixer.control.copy_(tensors["control"])
        return mixer


def make_mixer(settings: Mixing, folder: Path | None) -> nn.Module:
    """The mixer a configuration asks for; folder: where the mixing stage wrote a trained one, whose file may raise InputError."""
    if settings.method == "constant":
        return ConstantMixer(settings.alpha)
    if settings.method == "temporal":
        return TemporalMixer()
    if settings.method == "smoothstep":
        return SmoothStepMixer()
    return SplineMixer.load(Path(folder) / "field.safetensors")
