"""B-splines at points, on CUDA devices: a thread for each point."""

from __future__ import annotations

import numpy as np
import torch
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.bspline import scalar_adjoint, scalar_at, vector_and_gradient_at


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


@kernel
def _sample_vector_with_gradient(control, n, points, out, gradient):
    p = cuda.grid(1)
    if p < points.shape[0]:
        v0, v1, v2, x0, y0, z0, x1, y1, z1, x2, y2, z2 = vector_and_gradient_at(control, 0, n, points[p, 0], points[p, 1], points[p, 2])
        out[p, 0], out[p, 1], out[p, 2] = v0, v1, v2
        gradient[p, 0, 0], gradient[p, 0, 1], gradient[p, 0, 2] = x0, y0, z0
        gradient[p, 1, 0], gradient[p, 1, 1], gradient[p, 1, 2] = x1, y1, z1
        gradient[p, 2, 0], gradient[p, 2, 1], gradient[p, 2, 2] = x2, y2, z2


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


def sample_vector_with_gradient(control: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """As cpu.bspline.sample_vector_with_gradient."""
    out, gradient = torch.empty_like(points), points.new_empty(len(points), 3, 3)
    each(_sample_vector_with_gradient, len(points), control.reshape(-1), control.shape[0], points, out, gradient)
    return out, gradient
