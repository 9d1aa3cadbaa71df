"""Trilinear interpolation of a volume, on CUDA devices: a thread for each point."""

from __future__ import annotations

import numpy as np
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.trilinear import add_to_plane, bracket, value_and_gradient


@kernel
def _sample(volume, n, points, with_gradient, out, gradient):
    p = cuda.grid(1)
    if p < points.shape[0]:
        v, gx, gy, gz = value_and_gradient(volume, n, points[p, 0], points[p, 1], points[p, 2])
        out[p] = v
        if with_gradient:
            gradient[p, 0], gradient[p, 1], gradient[p, 2] = gx, gy, gz


@kernel
def _sample_adjoint(points, grad, n, out):
    p = cuda.grid(1)
    if p >= points.shape[0]:
        return
    one = np.float32(1.0)
    x, y, z, g = points[p, 0], points[p, 1], points[p, 2], grad[p]
    if g == np.float32(0.0) or abs(x) > one or abs(y) > one or abs(z) > one:
        return
    i0, i1, fx, _ = bracket(x, n)
    j0, j1, fy, _ = bracket(y, n)
    k0, k1, fz, _ = bracket(z, n)
    add_to_plane(out, n * n * k0, n, i0, i1, fx, j0, j1, fy, (one - fz) * g)
    add_to_plane(out, n * n * k1, n, i0, i1, fx, j0, j1, fy, fz * g)


def sample(volume: Tensor, points: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """As cpu.trilinear.sample, but for one row of nothing where no gradients are asked for: kernels take no empty array."""
    out, gradient = points.new_empty(len(points)), points.new_empty(len(points) if with_gradient else 1, 3)
    each(_sample, len(points), volume.reshape(-1), volume.shape[0], points, with_gradient, out, gradient)
    return out, gradient


def sample_adjoint(grad: Tensor, points: Tensor, n: int) -> Tensor:
    """As cpu.trilinear.sample_adjoint, by atomic additions."""
    out = points.new_zeros(n, n, n)
    each(_sample_adjoint, len(points), points, grad, n, out.view(-1))
    return out
