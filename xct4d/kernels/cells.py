"""Coarse cells of the box: [n, n, n] bool (z, y, x), the first at -1."""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device
from xct4d.kernels.scalar import scalar


@scalar(fastmath=False)
def whole(x):
    """The whole number below x; math.floor alone is a float on CUDA devices."""
    return int(math.floor(x))  # noqa: RUF046


@scalar
def is_occupied(cells, x, y, z):
    """The cell of a point; of one outside the box the nearest."""
    n = cells.shape[0]
    one, half = np.float32(1.0), np.float32(0.5 * n)  # few GPUs are quick in double precision
    i = min(max(int((x + one) * half), 0), n - 1)
    j = min(max(int((y + one) * half), 0), n - 1)
    k = min(max(int((z + one) * half), 0), n - 1)
    return cells[k, j, i]


@scalar(fastmath=False)
def is_held(cells, x, y, z):
    """Whether a point lies inside the box and in an occupied cell."""
    n = cells.shape[0]
    i, j, k = whole((x + 1.0) * 0.5 * n), whole((y + 1.0) * 0.5 * n), whole((z + 1.0) * 0.5 * n)
    return 0 <= i < n and 0 <= j < n and 0 <= k < n and cells[k, j, i]


@scalar(fastmath=False)
def mark_around(cells, x, y, z, reach):
    """Occupy all cells within `reach` cells of a point."""
    n = cells.shape[0]
    x, y, z = (x + 1.0) * 0.5 * n, (y + 1.0) * 0.5 * n, (z + 1.0) * 0.5 * n
    for k in range(max(whole(z - reach), 0), min(whole(z + reach), n - 1) + 1):
        for j in range(max(whole(y - reach), 0), min(whole(y + reach), n - 1) + 1):
            for i in range(max(whole(x - reach), 0), min(whole(x + reach), n - 1) + 1):
                cells[k, j, i] = True


@numba.njit(cache=True)
def _mark(points, reach, cells):
    for p in range(len(points)):
        mark_around(cells, points[p, 0], points[p, 1], points[p, 2], reach)


@numba.njit(parallel=True, cache=True)
def _held(points, cells, out):
    for p in numba.prange(len(points)):
        out[p] = is_held(cells, points[p, 0], points[p, 1], points[p, 2])


@per_device
def mark(cells: Tensor, points: Tensor, reach: float) -> None:
    """Occupy, in place, all cells within `reach` cells of some point [N, 3]."""
    _mark(points.numpy(), reach, cells.numpy())


@per_device
def held(cells: Tensor, points: Tensor) -> Tensor:
    """Which points [N, 3] lie inside the box and in an occupied cell: [N] bool."""
    out = torch.empty(len(points), dtype=torch.bool)
    _held(points.numpy(), cells.numpy(), out.numpy())
    return out
