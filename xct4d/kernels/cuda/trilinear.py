"""As kernels.trilinear: a thread for each point."""

from __future__ import annotations

from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.trilinear import value_and_gradient


@kernel
def _sample(volume, n, points, keep, out, gradient):
    p = cuda.grid(1)
    if p < points.shape[0]:
        v, gx, gy, gz = value_and_gradient(volume, n, points[p, 0], points[p, 1], points[p, 2])
        out[p] = v
        if keep:
            gradient[p, 0], gradient[p, 1], gradient[p, 2] = gx, gy, gz


def sampled(volume: Tensor, points: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    out, gradient = points.new_empty(len(points)), points.new_empty(len(points) if keep else 1, 3)
    each(_sample, len(points), volume.reshape(-1), volume.shape[0], points, keep, out, gradient)
    return out, gradient
