"""Trilinear sampling of a volume on the box, with its gradient.

Voxel centres are at -1 + (i + 0.5) 2 / n; between the outermost centres and
the faces the value is that of the nearest voxel layer, outside the box zero.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device
from xct4d.kernels.scalar import scalar


@scalar
def between(x, n):
    """Lower and upper voxel around a coordinate inside the box, the position between them,
    and d(position)/dx (zero in the outer half voxels)."""
    rate = np.float32(0.5) * np.float32(n)
    p = (x + np.float32(1.0)) * rate - np.float32(0.5)
    if p <= np.float32(0.0):
        return 0, 0, np.float32(0.0), np.float32(0.0)
    if p >= np.float32(n - 1):
        return n - 1, n - 1, np.float32(0.0), np.float32(0.0)
    low = int(p)
    return low, low + 1, p - np.float32(low), rate


@scalar
def voxel(volume, index):
    """Whatever a voxel is stored as, it is computed with in single precision."""
    return np.float32(volume[np.uint64(index)])


@scalar
def value_and_gradient(volume, n, x, y, z):
    """Value and (d/dx, d/dy, d/dz) of a flat (z, y, x) volume of n^3 voxels at a point."""
    one = np.float32(1.0)
    if abs(x) > one or abs(y) > one or abs(z) > one:
        return np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
    i0, i1, fx, rx = between(x, n)
    j0, j1, fy, ry = between(y, n)
    k0, k1, fz, rz = between(z, n)
    r00, r10 = n * (j0 + n * k0), n * (j1 + n * k0)
    r01, r11 = n * (j0 + n * k1), n * (j1 + n * k1)
    a0, a1 = voxel(volume, r00 + i0), voxel(volume, r00 + i1)
    b0, b1 = voxel(volume, r10 + i0), voxel(volume, r10 + i1)
    c0, c1 = voxel(volume, r01 + i0), voxel(volume, r01 + i1)
    d0, d1 = voxel(volume, r11 + i0), voxel(volume, r11 + i1)
    a, b, c, d = a0 + fx * (a1 - a0), b0 + fx * (b1 - b0), c0 + fx * (c1 - c0), d0 + fx * (d1 - d0)
    low, high = a + fy * (b - a), c + fy * (d - c)
    gy, gz = one - fy, one - fz
    slope_x = gz * (gy * (a1 - a0) + fy * (b1 - b0)) + fz * (gy * (c1 - c0) + fy * (d1 - d0))
    slope_y = gz * (b - a) + fz * (d - c)
    return low + fz * (high - low), rx * slope_x, ry * slope_y, rz * (high - low)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample(volume, n, points, out, gradient):
    keep = gradient.shape[0] > 0
    for p in numba.prange(points.shape[0]):
        v, gx, gy, gz = value_and_gradient(volume, n, points[p, 0], points[p, 1], points[p, 2])
        out[p] = v
        if keep:
            gradient[p, 0], gradient[p, 1], gradient[p, 2] = gx, gy, gz


@per_device
def sampled(volume: Tensor, points: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    """Values at points, and their gradients where `keep` asks for them."""
    out, gradient = torch.empty(len(points)), torch.empty(len(points) if keep else 0, 3)
    _sample(volume.reshape(-1).numpy(), volume.shape[0], points.numpy(), out.numpy(), gradient.numpy())
    return out, gradient


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, volume, points):
        out, gradient = sampled(volume, points.detach(), ctx.needs_input_grad[1])
        ctx.save_for_backward(gradient)
        return out

    @staticmethod
    def backward(ctx, grad):
        (gradient,) = ctx.saved_tensors
        return None, grad[:, None] * gradient


def sample(
    volume: Tensor,  # [n, n, n] (z, y, x) float32; on CUDA devices also float16
    points: Tensor,  # [N, 3] float32 (x, y, z)
) -> Tensor:  # [N] float32
    """Volume at points, zero outside the box; differentiable in the points, not in the volume."""
    return _Sample.apply(volume, points.contiguous())
