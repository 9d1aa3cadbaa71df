"""B-splines at points, on CPUs. Threads take points; the adjoint gives every thread a gradient array of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.cpu.rows import vector_and_gradient_at
from xct4d.kernels.shared.bspline import scalar_adjoint, scalar_at


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample(control, n, points, out):
    for p in numba.prange(points.shape[0]):
        out[p] = scalar_at(control, n, points[p, 0], points[p, 1], points[p, 2])


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample_adjoint(n, points, grad, out):
    # out: [threads, n^3], summed by the caller: no atomic additions, and the same sum every time
    parts, count = out.shape[0], points.shape[0]
    for c in numba.prange(parts):
        own = out[c]
        for p in range(c * count // parts, (c + 1) * count // parts):
            g = grad[p]
            if g != 0.0:
                scalar_adjoint(n, points[p, 0], points[p, 1], points[p, 2], g, own)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample_vector_with_gradient(control, n, points, out, gradient):
    for p in numba.prange(points.shape[0]):
        v0, v1, v2, x0, y0, z0, x1, y1, z1, x2, y2, z2 = vector_and_gradient_at(control, 0, n, points[p, 0], points[p, 1], points[p, 2])
        out[p, 0], out[p, 1], out[p, 2] = v0, v1, v2
        gradient[p, 0, 0], gradient[p, 0, 1], gradient[p, 0, 2] = x0, y0, z0
        gradient[p, 1, 0], gradient[p, 1, 1], gradient[p, 1, 2] = x1, y1, z1
        gradient[p, 2, 0], gradient[p, 2, 1], gradient[p, 2, 2] = x2, y2, z2


def sample(control: Tensor, points: Tensor) -> Tensor:
    """A scalar spline [n, n, n] at points [N, 3]: [N]."""
    out = torch.empty(len(points))
    _sample(control.reshape(-1).numpy(), control.shape[0], points.numpy(), out.numpy())
    return out


def sample_adjoint(grad: Tensor, points: Tensor, n: int) -> Tensor:
    """Gradient [n, n, n] of the control points for the cotangent [N] of the values at points [N, 3]."""
    parts = torch.zeros(numba.get_num_threads(), n**3)
    _sample_adjoint(n, points.numpy(), grad.numpy(), parts.numpy())
    return parts.sum(0).reshape(n, n, n)


def sample_vector_with_gradient(control: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """A vector spline [n, n, n, 3] at points [N, 3], and its gradient there: [N, 3] and [N, 3, 3]."""
    out, gradient = torch.empty_like(points), torch.empty(len(points), 3, 3)
    _sample_vector_with_gradient(control.reshape(-1).numpy(), control.shape[0], points.numpy(), out.numpy(), gradient.numpy())
    return out, gradient
