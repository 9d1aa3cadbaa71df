"""Samples along rays: one in each of equal parts of the way through the box, left out where its cell is empty."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.cells import is_occupied
from xct4d.kernels.dispatch import per_device


@numba.njit(parallel=True, fastmath=True, cache=True)
def _choose(rays, jitter, cells, chosen, count, spacing):
    parts = jitter.shape[1]
    for r in numba.prange(rays.shape[0]):
        near, step = rays[r, 6], (rays[r, 7] - rays[r, 6]) / parts
        spacing[r] = step
        kept = 0
        if step > 0.0:
            for s in range(parts):
                d = near + (s + jitter[r, s]) * step
                chosen[r, s] = is_occupied(cells, rays[r, 0] + d * rays[r, 3], rays[r, 1] + d * rays[r, 4], rays[r, 2] + d * rays[r, 5])
                kept += chosen[r, s]
        count[r] = kept


@numba.njit(parallel=True, fastmath=True, cache=True)
def _place(rays, jitter, chosen, start, points):
    parts = jitter.shape[1]
    for r in numba.prange(rays.shape[0]):
        near, step = rays[r, 6], (rays[r, 7] - rays[r, 6]) / parts
        q = start[r]
        if start[r + 1] > q:
            for s in range(parts):
                # asked again, a point between two cells may round into the other: fastmath promises nothing across kernels
                if chosen[r, s]:
                    d = near + (s + jitter[r, s]) * step
                    for axis in range(3):
                        points[q, axis] = rays[r, axis] + d * rays[r, 3 + axis]
                    q += 1


Placed = tuple[Tensor, Tensor, Tensor]


@per_device
def placing(
    cells: Tensor,  # [n, n, n] bool (z, y, x): which hold material
    rays: Tensor,  # [R, 8] float as geometry.rays.cast gives them
    jitter: Tensor,  # [R, S] float32 in [0, 1): where in its part a sample lies
) -> Callable[[], Placed]:  # [N, 3] float32, [R + 1] int64, [R] float32
    """A function that gives the points, those of a ray side by side; where each ray's begin; the length of a part of each ray.

    How many there are is known on the device first. Called later, the function
    need not wait for what was launched in the meantime.
    """
    chosen = np.zeros(jitter.shape, np.bool_)
    count = np.empty(len(rays), np.int64)
    spacing = torch.empty(len(rays))
    _choose(rays.numpy(), jitter.numpy(), cells.numpy(), chosen, count, spacing.numpy())
    start = np.concatenate([[0], np.cumsum(count)])
    points = torch.empty(int(start[-1]), 3)
    _place(rays.numpy(), jitter.numpy(), chosen, start, points.numpy())
    placed = points, torch.from_numpy(start), spacing
    return lambda: placed
