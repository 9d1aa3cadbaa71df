"""Occupied cells of the box, on CPUs: threads take points where they only read cells, one thread marks them."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.occupancy import lies_in_occupied_cell, occupy_around


@numba.njit(cache=True)
def _mark(points, radius, cells):
    for p in range(len(points)):
        occupy_around(cells, points[p, 0], points[p, 1], points[p, 2], radius)


@numba.njit(parallel=True, cache=True)
def _inside(points, cells, out):
    for p in numba.prange(len(points)):
        out[p] = lies_in_occupied_cell(cells, points[p, 0], points[p, 1], points[p, 2])


def mark_occupied(cells: Tensor, points: Tensor, radius: float) -> None:
    """Occupy, in place, all cells [n, n, n] that lie within `radius` cells of a point [N, 3] along every axis."""
    _mark(points.numpy(), radius, cells.numpy())


def in_occupied_cell(cells: Tensor, points: Tensor) -> Tensor:
    """Which points [N, 3] lie inside the box and in an occupied cell of [n, n, n]: [N] bool."""
    out = torch.empty(len(points), dtype=torch.bool)
    _inside(points.numpy(), cells.numpy(), out.numpy())
    return out
