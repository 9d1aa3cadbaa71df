"""Trilinear interpolation of a volume, on CUDA devices: a thread for each point."""

from __future__ import annotations

from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.trilinear import value_and_gradient


@kernel
def _sample(volume, n, points, with_gradient, out, gradient):
    p = cuda.grid(1)
    if p < points.shape[0]:
        v, gx, gy, gz = value_and_gradient(volume, n, points[p, 0], points[p, 1], points[p, 2])
        out[p] = v
        if with_gradient:
            gradient[p, 0], gradient[p, 1], gradient[p, 2] = gx, gy, gz


def sample(volume: Tensor, points: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """As cpu.trilinear.sample, but for one row of nothing where no gradients are asked for: kernels take no empty array."""
    out, gradient = points.new_empty(len(points)), points.new_empty(len(points) if with_gradient else 1, 3)
    each(_sample, len(points), volume.reshape(-1), volume.shape[0], points, with_gradient, out, gradient)
    return out, gradient
