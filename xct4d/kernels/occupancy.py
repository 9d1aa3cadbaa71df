"""Which cells of the box [-1, 1]^3 are occupied by material: cells [n, n, n] bool (z, y, x), the first begins at -1."""

from __future__ import annotations

from torch import Tensor

from xct4d.kernels.cpu import occupancy as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["in_occupied_cell", "mark_occupied"]


def _cuda():
    from xct4d.kernels.cuda import occupancy

    return occupancy


MARK_OCCUPIED = Twins(cpu.mark_occupied, lambda: _cuda().mark_occupied)
IN_OCCUPIED_CELL = Twins(cpu.in_occupied_cell, lambda: _cuda().in_occupied_cell)


def mark_occupied(
    cells: Tensor,  # [n, n, n] bool (z, y, x), changed in place
    points: Tensor,  # [N, 3] float32 (x, y, z), world units, contiguous
    radius: float,
) -> None:
    """Occupy all cells that lie within `radius` cells of some point along every axis."""
    MARK_OCCUPIED(cells, points, radius)


def in_occupied_cell(
    cells: Tensor,  # [n, n, n] bool (z, y, x)
    points: Tensor,  # [N, 3] float32 (x, y, z), world units, contiguous
) -> Tensor:  # [N] bool
    """Which points lie inside the box and in an occupied cell."""
    return IN_OCCUPIED_CELL(cells, points)
