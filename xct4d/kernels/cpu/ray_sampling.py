"""Stratified samples along rays, on CPUs: threads take rays. The first kernel chooses and counts, the second writes the points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.occupancy import nearest_cell_is_occupied


@numba.njit(parallel=True, fastmath=True, cache=True)
def _choose(rays, jitter, cells, chosen, count, spacing):
    parts = jitter.shape[1]
    for r in numba.prange(rays.shape[0]):
        near, step = rays[r, 6], (rays[r, 7] - rays[r, 6]) / parts
        spacing[r] = step
        number = 0
        if step > 0.0:
            for s in range(parts):
                d = near + (s + jitter[r, s]) * step
                chosen[r, s] = nearest_cell_is_occupied(
                    cells, rays[r, 0] + d * rays[r, 3], rays[r, 1] + d * rays[r, 4], rays[r, 2] + d * rays[r, 5]
                )
                number += chosen[r, s]
        count[r] = number


@numba.njit(parallel=True, fastmath=True, cache=True)
def _place(rays, jitter, chosen, start, points):
    parts = jitter.shape[1]
    for r in numba.prange(rays.shape[0]):
        near, step = rays[r, 6], (rays[r, 7] - rays[r, 6]) / parts
        q = start[r]
        if start[r + 1] > q:
            for s in range(parts):
                # not decided anew: a point between two cells may round into the other, as fastmath promises nothing across kernels
                if chosen[r, s]:
                    d = near + (s + jitter[r, s]) * step
                    for axis in range(3):
                        points[q, axis] = rays[r, axis] + d * rays[r, 3 + axis]
                    q += 1


def stratified_samples(cells: Tensor, rays: Tensor, jitter: Tensor) -> Callable[[], tuple[Tensor, Tensor, Tensor]]:
    """As the function of this name in kernels.ray_sampling; computes everything at once."""
    chosen = np.zeros(jitter.shape, np.bool_)
    count = np.empty(len(rays), np.int64)
    spacing = torch.empty(len(rays))
    _choose(rays.numpy(), jitter.numpy(), cells.numpy(), chosen, count, spacing.numpy())
    start = np.concatenate([[0], np.cumsum(count)])
    points = torch.empty(int(start[-1]), 3)
    _place(rays.numpy(), jitter.numpy(), chosen, start, points.numpy())
    samples = points, torch.from_numpy(start), spacing
    return lambda: samples
