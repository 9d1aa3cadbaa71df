"""Trilinear interpolation at one point: device functions.

Voxel centres are at -1 + (i + 0.5) 2 / n; between the outermost centres and
the faces of the box the value is that of the nearest voxel, outside the box zero.
"""

from __future__ import annotations

import numpy as np

from xct4d.kernels.shared.scalar import accumulate, scalar


@scalar
def bracket(x, n):
    """Indices of the voxels below and above coordinate x, position, and its derivative.

    The position of x between the two centres is in [0, 1]; d(position)/dx is
    zero in the outer half of the first and the last voxel.
    """
    rate = np.float32(0.5) * np.float32(n)
    p = (x + np.float32(1.0)) * rate - np.float32(0.5)
    if p <= np.float32(0.0):
        return 0, 0, np.float32(0.0), np.float32(0.0)
    if p >= np.float32(n - 1):
        return n - 1, n - 1, np.float32(0.0), np.float32(0.0)
    low = int(p)
    return low, low + 1, p - np.float32(low), rate


@scalar
def voxel_value(volume, index):
    """A voxel in single precision, whatever precision the volume is stored in."""
    return np.float32(volume[np.uint64(index)])


@scalar
def value_and_gradient(volume, n, x, y, z):
    """Value of a volume at a point, and its derivatives (d/dx, d/dy, d/dz). volume: flat, n^3 voxels in the order (z, y, x)."""
    one = np.float32(1.0)
    if abs(x) > one or abs(y) > one or abs(z) > one:
        return np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
    i0, i1, fx, rx = bracket(x, n)
    j0, j1, fy, ry = bracket(y, n)
    k0, k1, fz, rz = bracket(z, n)
    r00, r10 = n * (j0 + n * k0), n * (j1 + n * k0)
    r01, r11 = n * (j0 + n * k1), n * (j1 + n * k1)
    a0, a1 = voxel_value(volume, r00 + i0), voxel_value(volume, r00 + i1)
    b0, b1 = voxel_value(volume, r10 + i0), voxel_value(volume, r10 + i1)
    c0, c1 = voxel_value(volume, r01 + i0), voxel_value(volume, r01 + i1)
    d0, d1 = voxel_value(volume, r11 + i0), voxel_value(volume, r11 + i1)
    a, b, c, d = a0 + fx * (a1 - a0), b0 + fx * (b1 - b0), c0 + fx * (c1 - c0), d0 + fx * (d1 - d0)
    low, high = a + fy * (b - a), c + fy * (d - c)
    gy, gz = one - fy, one - fz
    slope_x = gz * (gy * (a1 - a0) + fy * (b1 - b0)) + fz * (gy * (c1 - c0) + fy * (d1 - d0))
    slope_y = gz * (b - a) + fz * (d - c)
    return low + fz * (high - low), rx * slope_x, ry * slope_y, rz * (high - low)


@scalar
def add_to_plane(out, first, n, i0, i1, fx, j0, j1, fy, value):
    """Add a value to the four voxels around a place within a plane of n^2 voxels (y, x) that begins at `first`, by their weights in bilinear interpolation."""
    one = np.float32(1.0)
    low, high = (one - fy) * value, fy * value
    r0, r1 = first + n * j0, first + n * j1
    accumulate(out, r0 + i0, (one - fx) * low)
    accumulate(out, r0 + i1, fx * low)
    accumulate(out, r1 + i0, (one - fx) * high)
    accumulate(out, r1 + i1, fx * high)
