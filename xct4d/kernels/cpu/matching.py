"""Mean squared difference between a volume, carried along a displacement, and given values at points; with its gradient.

The displacement and its change of volume are given at the nodes of a coarse grid
and interpolated trilinearly between them.
"""

from __future__ import annotations

import numpy as np

from xct4d.compilation import numba
from xct4d.kernels.shared.scalar import scalar
from xct4d.kernels.shared.trilinear import value_and_gradient

COMPONENTS = 4  # of a map: displacement along x, y, z, and the volume's change J


@scalar
def node(x, g):
    """(index of the lower node, position between it and the next one) of coordinate x, with nodes at g voxel centres; extrapolates beyond them."""
    p = (x + np.float32(1.0)) * np.float32(0.5) * np.float32(g) - np.float32(0.5)
    low = min(max(int(np.floor(p)), 0), g - 2)
    return low, p - np.float32(low)


@numba.njit(fastmath=True)
def map_at(maps, i, j, k, fx, fy, fz, out):
    """Write to `out` the map between nodes (i, j, k) and the next, at position (fx, fy, fz)."""
    out[:] = np.float32(0.0)
    for c in range(8):
        a, b, d = c & 1, (c >> 1) & 1, c >> 2
        w = (fx if a else 1 - fx) * (fy if b else 1 - fy) * (fz if d else 1 - fz)
        for h in range(COMPONENTS):
            out[h] += w * maps[k + d, j + b, i + a, h]


@numba.njit(fastmath=True)
def map_at_point(maps, x, y, z, out):
    """Write to `out` the map at a point. Returns the lower node (i, j, k) and the position (fx, fy, fz) between it and the next."""
    g = maps.shape[0]
    i, fx = node(x, g)
    j, fy = node(y, g)
    k, fz = node(z, g)
    map_at(maps, i, j, k, fx, fy, fz, out)
    return i, j, k, fx, fy, fz


@numba.njit(fastmath=True)
def map_at_adjoint(gradient, i, j, k, fx, fy, fz, cotangent):
    """Adjoint of `map_at`: add the cotangent of the map to the gradient of the eight nodes, with their weights."""
    for c in range(8):
        a, b, d = c & 1, (c >> 1) & 1, c >> 2
        w = (fx if a else 1 - fx) * (fy if b else 1 - fy) * (fz if d else 1 - fz)
        for h in range(COMPONENTS):
            gradient[k + d, j + b, i + a, h] += w * cotangent[h]


@numba.njit(fastmath=True, cache=True, nogil=True)
def _difference(points, values, maps, volume, n, conserved, gradient):
    total = 0.0
    found, cotangent = np.empty(COMPONENTS, np.float32), np.empty(COMPONENTS, np.float32)
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        i, j, k, fx, fy, fz = map_at_point(maps, x, y, z, found)
        v, gx, gy, gz = value_and_gradient(volume, n, x + found[0], y + found[1], z + found[2])
        volume_change = found[3] if conserved else np.float32(1.0)
        r = v * volume_change - values[p]
        total += 0.5 * r * r
        cotangent[0], cotangent[1], cotangent[2] = r * volume_change * gx, r * volume_change * gy, r * volume_change * gz
        cotangent[3] = r * v if conserved else np.float32(0.0)
        map_at_adjoint(gradient, i, j, k, fx, fy, fz, cotangent)
    return total


def difference(
    points: np.ndarray,  # [N, 3] float32 (x, y, z)
    values: np.ndarray,  # [N] float32, what the carried volume should be there
    maps: np.ndarray,  # [g, g, g, 4] float32 (z, y, x): displacement u and J at voxel centres
    volume: np.ndarray,  # [n, n, n] float32 (z, y, x)
    conserved: bool,  # whether the carried volume is multiplied by J
) -> tuple[float, np.ndarray]:  # half the mean squared difference, its gradient by the map
    """1/(2N) sum over the points x of (volume(x + u) J - value)^2, and its gradient with respect to u and J at the nodes.

    J is left out unless `conserved`. volume is interpolated trilinearly.
    """
    gradient = np.zeros_like(maps)
    total = _difference(points, values, maps, volume.reshape(-1), len(volume), conserved, gradient)
    return total / len(points), gradient / np.float32(len(points))


@numba.njit(fastmath=True, cache=True, nogil=True)
def _carried(points, maps, volume, n, conserved, out):
    found = np.empty(COMPONENTS, np.float32)
    for p in range(points.shape[0]):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        map_at_point(maps, x, y, z, found)
        v, _, _, _ = value_and_gradient(volume, n, x + found[0], y + found[1], z + found[2])
        out[p] = v * found[3] if conserved else v


def carried(points: np.ndarray, maps: np.ndarray, volume: np.ndarray, conserved: bool) -> np.ndarray:
    """volume(x + u) J [N] float32 at the points x [N, 3]: what `difference` compares with the values."""
    out = np.empty(len(points), np.float32)
    _carried(points, maps, volume.reshape(-1), len(volume), conserved, out)
    return out
