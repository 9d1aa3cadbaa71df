"""Occupied cells: the coarse cells of the box that hold material. Rays place no samples in the others.

Most of the box is empty for many objects. Without samples there, the same
number of samples lies several times as dense inside the material, and the line
integrals are less noisy. That noise is not harmless: it grows with the
sharpness of edges, so a fit that is noisy prefers blurred edges.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool3d

from xct4d.device import HOST, sent
from xct4d.fields import material
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.kernels import occupancy as kernels

CELLS = 48  # per axis
PROBES = 2  # per axis of a cell


def full() -> Tensor:
    """Every cell occupied: [CELLS, CELLS, CELLS] bool (z, y, x)."""
    return torch.ones(CELLS, CELLS, CELLS, dtype=torch.bool)


def occupied(density: Callable[[Tensor], Tensor], rng: np.random.Generator, device: torch.device = HOST) -> Tensor:
    """Cells [CELLS, CELLS, CELLS] bool in which, or next to which, a probe finds material (fields.material).

    density: points [N, 3] -> [N], both on the device. The probes lie at random
    places, so that repeated calls find what one may miss.
    """
    n = CELLS * PROBES
    centres = voxel_centres(n)
    highest = torch.empty(CELLS, CELLS, CELLS, device=device)
    for k in range(CELLS):
        points = grid_points(centres[k * PROBES : (k + 1) * PROBES], centres, centres)
        points += rng.uniform(-1 / n, 1 / n, points.shape)
        values = density(sent(points.astype(np.float32), device))
        highest[k] = values.reshape(PROBES, CELLS, PROBES, CELLS, PROBES).amax((0, 2, 4))
    dense = material.may_be_material(highest)
    return max_pool3d(dense[None].float(), 3, stride=1, padding=1)[0] > 0  # with the cells next to them


def subcell_centres(cells: Tensor, parts: int = 3) -> Tensor:
    """Centres [N, 3] of the parts^3 equal subcells of every occupied cell."""
    n = CELLS * parts
    fine = cells.repeat_interleave(parts, 0).repeat_interleave(parts, 1).repeat_interleave(parts, 2)
    return (torch.nonzero(fine).flip(1) + 0.5) * (2 / n) - 1


def block_centres(cells: Tensor) -> Tensor:
    """Centres [N, 3] of the blocks of 2^3 cells that hold an occupied one: an eighth as many points to carry as there are cells, or a little more."""
    blocks = max_pool3d(cells[None].float(), 2)[0]
    return (torch.nonzero(blocks).flip(1) + 0.5) * (2 / len(blocks)) - 1


@torch.no_grad()
def around(points: Tensor, radius: float = 0.5) -> Tensor:
    """Cells [CELLS, CELLS, CELLS] bool within `radius` cell widths of one of the points [N, 3].

    With points = subcell centres carried along a motion, these are the cells
    that the material is in afterwards. None is missed as long as the motion
    stretches no subcell to more than 2 parts radius times its width, which is
    three times with the values that are the defaults; a block, which is two
    cells wide, to no more than radius times its width.
    """
    out = torch.zeros(CELLS, CELLS, CELLS, dtype=torch.bool, device=points.device)
    kernels.mark_occupied(out, points.detach().contiguous(), radius)
    return out


def inside(cells: Tensor, points: Tensor) -> Tensor:
    """Indices of the points [N, 3] that lie in the box and in an occupied cell."""
    return torch.nonzero(kernels.in_occupied_cell(cells, points.detach().contiguous()))[:, 0]
