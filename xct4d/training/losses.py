"""Terms of the training losses."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xct4d.training.rays import Batch


def projection_loss(batch: Batch, densities: Sequence[Tensor], flat_fields: list[Tensor]) -> Tensor:
    """Mean squared error of transmission: I = sum over views of weight exp(-f) exp(-integral of mu ds).

    densities: at the samples of each view of the exposure; flat_fields: f at that view's time.
    """
    predicted = torch.zeros_like(batch.measured)
    for exposure, density, f in zip(batch.exposures, densities, flat_fields, strict=True):
        predicted = predicted + exposure.weight * torch.exp(-f - exposure.samples.integral(density))
    return (predicted - batch.measured).square().mean()


def correlation_loss(a: Tensor, b: Tensor) -> Tensor:
    """1 - normalized correlation (Pearson) of two densities at the same points; 1 where either is constant."""
    a, b = a - a.mean(), b - b.mean()
    return 1 - (a * b).sum() / (a.square().sum() * b.square().sum()).clamp_min(1e-24).sqrt()  # clamped first: the slope of a root at 0 is infinite
