"""Disagreement of two densities, whatever their scales."""

from __future__ import annotations

from torch import Tensor


def correlation_loss(a: Tensor, b: Tensor) -> Tensor:
    """1 - normalized correlation (Pearson) of two densities [N] at the same points; 1 where either is constant."""
    a, b = a - a.mean(), b - b.mean()
    return (
        1 - (a * b).sum() / (a.square().sum() * b.square().sum()).clamp_min(1e-24).sqrt()
    )  # clamped first: the slope of a root at 0 is infinite
