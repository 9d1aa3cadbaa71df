"""Scalar B-splines at points, on CUDA devices: a thread for each point."""

from __future__ import annotations

import numpy as np
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.bspline import scalar_adjoint, scalar_at


@kernel
def _sample(control, n, points, out):
    p = cuda.grid(1)
    if p < points.shape[0]:
        out[p] = scalar_at(control, n, points[p, 0], points[p, 1], points[p, 2])


@kernel
def _sample_adjoint(n, points, grad, out):
    p = cuda.grid(1)
    if p < points.shape[0] and grad[p] != np.float32(0.0):
        scalar_adjoint(n, points[p, 0], points[p, 1], points[p, 2], grad[p], out)


def sample(control: Tensor, points: Tensor) -> Tensor:
    """As cpu.bspline.sample."""
    out = points.new_empty(len(points))
    each(_sample, len(points), control.reshape(-1), control.shape[0], points, out)
    return out


def sample_adjoint(grad: Tensor, points: Tensor, n: int) -> Tensor:
    """As cpu.bspline.sample_adjoint."""
    out = points.new_zeros(n**3)
    each(_sample_adjoint, len(points), n, points, grad, out)
    return out.reshape(n, n, n)
