"""Trilinear interpolation of a volume, on CPUs: threads take points."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.trilinear import value_and_gradient


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample(volume, n, points, out, gradient):
    with_gradient = gradient.shape[0] > 0
    for p in numba.prange(points.shape[0]):
        v, gx, gy, gz = value_and_gradient(volume, n, points[p, 0], points[p, 1], points[p, 2])
        out[p] = v
        if with_gradient:
            gradient[p, 0], gradient[p, 1], gradient[p, 2] = gx, gy, gz


def sample(volume: Tensor, points: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """Values [N] of a volume [n, n, n] at points [N, 3], and its gradients there: [N, 3], or [0, 3] if not asked for."""
    out, gradient = torch.empty(len(points)), torch.empty(len(points) if with_gradient else 0, 3)
    _sample(volume.reshape(-1).numpy(), volume.shape[0], points.numpy(), out.numpy(), gradient.numpy())
    return out, gradient
