"""As kernels.cells: a thread for each point."""

from __future__ import annotations

from numba import cuda
from torch import Tensor

from xct4d.kernels.cells import is_held, mark_around
from xct4d.kernels.cuda.launch import each, kernel


@kernel
def _mark(points, reach, cells):
    p = cuda.grid(1)
    if p < points.shape[0]:
        mark_around(cells, points[p, 0], points[p, 1], points[p, 2], reach)


@kernel
def _held(points, cells, out):
    p = cuda.grid(1)
    if p < points.shape[0]:
        out[p] = is_held(cells, points[p, 0], points[p, 1], points[p, 2])


def mark(cells: Tensor, points: Tensor, reach: float) -> None:
    each(_mark, len(points), points, reach, cells)


def held(cells: Tensor, points: Tensor) -> Tensor:
    out = cells.new_empty(len(points))
    each(_held, len(points), points, cells, out)
    return out
