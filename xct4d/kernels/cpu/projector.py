"""Line integrals through voxels, on CPUs.

Where the detector's columns are parallel to z, all rays of a detector column lie
in one vertical plane: in a slice they meet the same two columns of voxels, at
heights that are evenly spaced. The two are blended once, and each row reads
between two neighbours of the blend. That is several times as fast as four
voxels for each ray. Cameras that are tilted go through shared.joseph.

The threads take views of a projection, and slices of a back-projection: no
two write to the same number, and the sums do not depend on how many there are.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.geometry.views import Views
from xct4d.kernels.shared import joseph

LEVEL = 1e-6  # an axis of unit length is horizontal where its z component is smaller than this
EDGE = 0.001  # voxels: rows so near to a range's ends are left out, where they would read past it


@numba.njit(fastmath=True)
def horizontal(pose, lens, v, c):
    """The horizontal part of the rays of detector column c of view v: (offset from the optical axis, direction x, direction y).

    All three are for rays whose part along the optical axis has length one.
    """
    a = (c + 0.5 - lens[v, 2]) / lens[v, 0]
    return a, pose[v, 0, 0] * a - pose[v, 0, 2], pose[v, 1, 0] * a - pose[v, 1, 2]


@numba.njit(fastmath=True)
def crossing(pose, lens, low, high, v, c, j, height):
    """What the rays of detector column c meet in slice j.

    Returned are the two columns of voxels (y, x) and their weights, the range
    of z that may hold material, the range of rows that meet it, and where these
    lie: row i of the range at q + i dq, counted from one voxel below the range
    of z. The range of rows is empty where they meet nothing.
    """
    n = low.shape[0]
    _, dx, dy = horizontal(pose, lens, v, c)
    along_y = abs(dy) >= abs(dx)
    if along_y:
        start, slope, across, drift = pose[v, 1, 3], dy, pose[v, 0, 3], dx
    else:
        start, slope, across, drift = pose[v, 0, 3], dx, pose[v, 1, 3], dy
    distance = ((j + 0.5) * 2 / n - 1 - start) / slope
    place = (across + distance * drift + 1) * n / 2 - 0.5
    if distance <= 0 or place <= -1 or place >= n:
        return 0, 0, 0, 0, np.float32(0), np.float32(0), 0, 0, 0, 0, np.float32(0), np.float32(0)
    i = int(math.floor(place))  # noqa: RUF046 - numba's floor is a float
    f = np.float32(place - i)
    g = np.float32(1) - f
    first, second = max(i, 0), min(i + 1, n - 1)
    if i < 0:
        g = np.float32(0)
    if i + 1 > n - 1:
        f = np.float32(0)
    if along_y:
        y0, x0, y1, x1 = j, first, j, second
    else:
        y0, x0, y1, x1 = first, j, second, j
    z0, z1 = min(low[y0, x0], low[y1, x1]), max(high[y0, x0], high[y1, x1])
    dq = -distance * n / 2 / lens[v, 1]  # voxels from one row to the next
    q = (pose[v, 2, 3] + 1) * n / 2 - 0.5 + dq * (0.5 - lens[v, 3])  # of row 0
    r0 = r1 = 0
    if z1 > z0:
        r0 = max(int(math.ceil((z1 - EDGE - q) / dq)), 0)  # noqa: RUF046 - numba's floor is a float
        r1 = min(int(math.floor((z0 - 1 + EDGE - q) / dq)) + 1, height)  # noqa: RUF046 - numba's floor is a float
    return y0, x0, y1, x1, g, f, z0, z1, r0, r1, np.float32(q + dq * r0 - z0 + 1), np.float32(dq)


@numba.njit(fastmath=True)
def lengths(pose, lens, n, v, c, out):
    """World units from one slice to the next along each ray of a detector column."""
    a, dx, dy = horizontal(pose, lens, v, c)
    spacing = 2 / (n * max(abs(dx), abs(dy)))
    for r in range(out.shape[0]):
        b = (r + 0.5 - lens[v, 3]) / lens[v, 1]
        out[r] = spacing * math.sqrt(1 + a * a + b * b)


@numba.njit(fastmath=True)
def blend(a, b, g, f, out):
    for z in range(out.shape[0]):
        out[z] = g * a[z] + f * b[z]


@numba.njit(fastmath=True)
def read_rows(line, q, dq, out):
    """out[i] = `line` at position q + i dq, interpolated between its two neighbours.

    Indices are unsigned: numba would test each signed one for being negative.
    """
    for r in range(out.shape[0]):
        p = q + dq * np.float32(np.int32(r))
        m = np.int32(p)
        t = p - np.float32(m)
        below = line[np.uint32(m)]
        out[r] += below + t * (line[np.uint32(m + np.int32(1))] - below)


@numba.njit(fastmath=True)
def write_rows(rows, q, dq, pairs):
    """Transpose of `read_rows`: add row i to the two neighbours of position q + i dq, which stand side by side in `pairs`."""
    for r in range(rows.shape[0]):
        p = q + dq * np.float32(np.int32(r))
        m = np.int32(p)
        above = (p - np.float32(m)) * rows[r]
        pairs[np.uint32(m), 0] += rows[r] - above
        pairs[np.uint32(m), 1] += above


@numba.njit(fastmath=True)
def add(line, weight, out):
    for z in range(out.shape[0]):
        out[z] += weight * line[z]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _project(volume, low, high, pose, lens, out):
    n, height = volume.shape[0], out.shape[2]
    for view in numba.prange(out.shape[0]):
        v = np.int64(view)
        line, length = np.zeros(n + 4, np.float32), np.empty(height, np.float32)
        for j in range(n):
            for c in range(out.shape[1]):
                y0, x0, y1, x1, g, f, z0, z1, r0, r1, q, dq = crossing(pose, lens, low, high, v, c, j, height)
                if r1 <= r0:
                    continue
                size = z1 - z0
                blend(volume[y0, x0, z0:z1], volume[y1, x1, z0:z1], g, f, line[1 : size + 1])
                line[size + 1] = line[size + 2] = np.float32(0)
                read_rows(line, q, dq, out[v, c, r0:r1])
        for c in range(out.shape[1]):
            lengths(pose, lens, n, v, c, length)
            for r in range(height):
                out[v, c, r] *= length[r]


@numba.njit(fastmath=True)
def back_project_slice(scaled, low, high, pose, lens, j, along_y, out):
    """Add to slice j of `out` the contributions of the rays that are followed along y (along_y), or of those followed along x."""
    n, height = out.shape[0], scaled.shape[2]
    line, pairs = np.empty(n + 2, np.float32), np.empty((n + 4, 2), np.float32)
    for v in range(scaled.shape[0]):
        for c in range(scaled.shape[1]):
            _, dx, dy = horizontal(pose, lens, v, c)
            if (abs(dy) >= abs(dx)) != along_y:
                continue
            y0, x0, y1, x1, g, f, z0, z1, r0, r1, q, dq = crossing(pose, lens, low, high, v, c, j, height)
            if r1 <= r0:
                continue
            size = z1 - z0
            pairs[: size + 2] = np.float32(0)
            write_rows(scaled[v, c, r0:r1], q, dq, pairs)
            for z in range(size):
                line[z] = pairs[z + 1, 0] + pairs[z, 1]
            add(line[:size], g, out[y0, x0, z0:z1])
            add(line[:size], f, out[y1, x1, z0:z1])


@numba.njit(parallel=True, fastmath=True, cache=True)
def _back_project(images, low, high, pose, lens, scaled, out):
    n = out.shape[0]
    for view in numba.prange(images.shape[0]):
        v = np.int64(view)
        for c in range(images.shape[1]):
            lengths(pose, lens, n, v, c, scaled[v, c])
            for r in range(images.shape[2]):
                scaled[v, c, r] *= images[v, c, r]
    for slice_ in numba.prange(n):  # planes of one y: a thread has them to itself
        back_project_slice(scaled, low, high, pose, lens, np.int64(slice_), True, out)
    for slice_ in numba.prange(n):  # planes of one x
        back_project_slice(scaled, low, high, pose, lens, np.int64(slice_), False, out)


def _upright(views: Views) -> bool:
    """Whether the columns of all detectors are parallel to z, upwards."""
    lean = np.abs(views.camera_to_world[:, 2, [0, 2]]).max(initial=0.0)
    return bool(lean <= LEVEL and (views.camera_to_world[:, 2, 1] > 0).all())


def _cameras(views: Views) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(views.camera_to_world), np.concatenate([views.focal, views.centre], 1)


def project(volume: Tensor, span: Tensor, views: Views) -> Tensor:
    """Line integrals [V, w, h] of a volume [n, n, n] (y, x, z); span [2, n, n]."""
    if not _upright(views):
        return joseph.project(volume, span, views)
    out = torch.zeros(len(views), *(int(size) for size in views.size[0]))
    _project(volume.numpy(), *span.numpy(), *_cameras(views), out.numpy())
    return out


def back_project(images: Tensor, span: Tensor, views: Views) -> Tensor:
    """Transpose of `project`, [n, n, n] (y, x, z), of images [V, w, h]."""
    if not _upright(views):
        return joseph.back_project(images, span, views)
    out = torch.zeros(*(3 * [span.shape[1]]))
    _back_project(images.contiguous().numpy(), *span.numpy(), *_cameras(views), torch.empty(images.shape).numpy(), out.numpy())
    return out
