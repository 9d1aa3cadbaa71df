"""Occupied cells of the box, on CUDA devices: a thread for each point."""

from __future__ import annotations

from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.occupancy import lies_in_occupied_cell, occupy_around


@kernel
def _mark(points, radius, cells):
    p = cuda.grid(1)
    if p < points.shape[0]:
        occupy_around(cells, points[p, 0], points[p, 1], points[p, 2], radius)


@kernel
def _inside(points, cells, out):
    p = cuda.grid(1)
    if p < points.shape[0]:
        out[p] = lies_in_occupied_cell(cells, points[p, 0], points[p, 1], points[p, 2])


def mark_occupied(cells: Tensor, points: Tensor, radius: float) -> None:
    """As cpu.occupancy.mark_occupied."""
    each(_mark, len(points), points, radius, cells)


def in_occupied_cell(cells: Tensor, points: Tensor) -> Tensor:
    """As cpu.occupancy.in_occupied_cell."""
    out = cells.new_empty(len(points))
    each(_inside, len(points), points, cells, out)
    return out
