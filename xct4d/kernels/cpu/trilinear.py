"""Trilinear interpolation of a volume, on CPUs: threads take points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.trilinear import add_to_plane, bracket, value_and_gradient

SLABS = 2  # for each thread, so that threads with planes without points help the others


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample(volume, n, points, out, gradient):
    with_gradient = gradient.shape[0] > 0
    for p in numba.prange(points.shape[0]):
        v, gx, gy, gz = value_and_gradient(volume, n, points[p, 0], points[p, 1], points[p, 2])
        out[p] = v
        if with_gradient:
            gradient[p, 0], gradient[p, 1], gradient[p, 2] = gx, gy, gz


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample_adjoint(points, grad, n, planes, out):
    # threads take slabs of so many planes, and every point within them: no atomic additions, and for each
    # voxel the same sum in the order of the points, however many threads there are
    one = np.float32(1.0)
    for slab in numba.prange((n + planes - 1) // planes):
        first, last = slab * planes, min((slab + 1) * planes, n)
        for p in range(points.shape[0]):
            x, y, z, g = points[p, 0], points[p, 1], points[p, 2], grad[p]
            if g == 0.0 or abs(x) > one or abs(y) > one or abs(z) > one:
                continue
            k0, k1, fz, _ = bracket(z, n)
            if k1 < first or k0 >= last:
                continue
            i0, i1, fx, _ = bracket(x, n)
            j0, j1, fy, _ = bracket(y, n)
            if k0 >= first:
                add_to_plane(out, n * n * k0, n, i0, i1, fx, j0, j1, fy, (one - fz) * g)
            if k1 < last:
                add_to_plane(out, n * n * k1, n, i0, i1, fx, j0, j1, fy, fz * g)


def sample(volume: Tensor, points: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """Values [N] of a volume [n, n, n] at points [N, 3], and its gradients there: [N, 3], or [0, 3] if not asked for."""
    out, gradient = torch.empty(len(points)), torch.empty(len(points) if with_gradient else 0, 3)
    _sample(volume.reshape(-1).numpy(), volume.shape[0], points.numpy(), out.numpy(), gradient.numpy())
    return out, gradient


def sample_adjoint(grad: Tensor, points: Tensor, n: int) -> Tensor:
    """Gradient [n, n, n] of the volume for the cotangent [N] of its values at points [N, 3]."""
    out = torch.zeros(n, n, n)
    planes = max(-(-n // (SLABS * numba.get_num_threads())), 1)
    _sample_adjoint(points.numpy(), grad.numpy(), n, planes, out.view(-1).numpy())
    return out
