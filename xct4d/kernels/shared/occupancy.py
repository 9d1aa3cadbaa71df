"""Occupied cells of the box [-1, 1]^3, at one point: device functions.

cells: [n, n, n] bool (z, y, x), True where occupied; the first begins at -1.
"""

from __future__ import annotations

import math

import numpy as np

from xct4d.kernels.shared.scalar import scalar


@scalar(fastmath=False)
def floor(x):
    """The largest whole number not above x; math.floor alone is a float on CUDA devices."""
    return int(math.floor(x))  # noqa: RUF046


@scalar
def nearest_cell_is_occupied(cells, x, y, z):
    """Whether the cell that holds a point is occupied; for a point outside the box, the cell nearest to it."""
    n = cells.shape[0]
    one, half = np.float32(1.0), np.float32(0.5 * n)  # few GPUs are quick in double precision
    i = min(max(int((x + one) * half), 0), n - 1)
    j = min(max(int((y + one) * half), 0), n - 1)
    k = min(max(int((z + one) * half), 0), n - 1)
    return cells[k, j, i]


@scalar(fastmath=False)
def lies_in_occupied_cell(cells, x, y, z):
    """Whether a point lies inside the box and in an occupied cell."""
    n = cells.shape[0]
    i, j, k = floor((x + 1.0) * 0.5 * n), floor((y + 1.0) * 0.5 * n), floor((z + 1.0) * 0.5 * n)
    return 0 <= i < n and 0 <= j < n and 0 <= k < n and cells[k, j, i]


@scalar(fastmath=False)
def occupy_around(cells, x, y, z, radius):
    """Occupy all cells that a cube around a point touches; its edges are 2 radius cells long."""
    n = cells.shape[0]
    x, y, z = (x + 1.0) * 0.5 * n, (y + 1.0) * 0.5 * n, (z + 1.0) * 0.5 * n
    for k in range(max(floor(z - radius), 0), min(floor(z + radius), n - 1) + 1):
        for j in range(max(floor(y - radius), 0), min(floor(y + radius), n - 1) + 1):
            for i in range(max(floor(x - radius), 0), min(floor(x + radius), n - 1) + 1):
                cells[k, j, i] = True
