"""Rays from the source through pixel centres, clipped to the box."""

from __future__ import annotations

import math

import numpy as np

from xct4d.compilation import numba
from xct4d.geometry.views import Views


@numba.njit(cache=True, inline="always")
def clip_to_box(ox, oy, oz, dx, dy, dz):
    """Distances (near, far) at which a ray enters and leaves [-1, 1]^3; (0, 0) if it misses."""
    near = 0.0
    far = math.inf
    for o, d in ((ox, dx), (oy, dy), (oz, dz)):
        if abs(d) < 1e-12:
            if abs(o) > 1.0:
                return 0.0, 0.0
        else:
            a = (-1.0 - o) / d
            b = (1.0 - o) / d
            near = max(near, min(a, b))
            far = min(far, max(a, b))
    if far <= near:
        return 0.0, 0.0
    return near, far


@numba.njit(cache=True, inline="always")
def pixel_direction(pose, focal, centre, column, row):
    """Unit vector from the source of a view to a point of its detector.

    pose: [3, 4]; focal, centre: [2]; column, row: pixels, centres at half-integers.
    """
    x = (column - centre[0]) / focal[0]
    y = (centre[1] - row) / focal[1]
    scale = 1.0 / math.sqrt(x * x + y * y + 1.0)
    dx = (pose[0, 0] * x + pose[0, 1] * y - pose[0, 2]) * scale
    dy = (pose[1, 0] * x + pose[1, 1] * y - pose[1, 2]) * scale
    dz = (pose[2, 0] * x + pose[2, 1] * y - pose[2, 2]) * scale
    return dx, dy, dz


@numba.njit(parallel=True, cache=True)
def _cast(poses, focal, centre, view, column, row, out):
    for i in numba.prange(len(view)):
        v = view[i]
        pose = poses[v]
        dx, dy, dz = pixel_direction(pose, focal[v], centre[v], column[i], row[i])
        near, far = clip_to_box(pose[0, 3], pose[1, 3], pose[2, 3], dx, dy, dz)
        out[i, 0], out[i, 1], out[i, 2] = pose[0, 3], pose[1, 3], pose[2, 3]
        out[i, 3], out[i, 4], out[i, 5] = dx, dy, dz
        out[i, 6], out[i, 7] = near, far


def cast(views: Views, view: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Rays through detector points.

    view: [N] int, which view; column, row: [N] float, pixels (centres at half-integers).
    Returns [N, 8] float64: source x, y, z; unit direction x, y, z; near, far
    (both zero where the ray misses the box).
    """
    out = np.empty((len(view), 8))
    _cast(
        views.camera_to_world,
        views.focal,
        views.centre,
        np.asarray(view, np.int64),
        np.asarray(column, np.float64),
        np.asarray(row, np.float64),
        out,
    )
    return out


def pixel_rays(views: Views, view: int) -> np.ndarray:
    """Rays through all pixel centres of one view: [height * width, 8] in row-major order, as `cast` returns them."""
    width, height = (int(s) for s in views.size[view])
    row, column = np.divmod(np.arange(height * width), width)
    return cast(views, np.full(height * width, view), column + 0.5, row + 0.5)
