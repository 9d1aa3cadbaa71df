"""Which coarse cells of the box hold material: rays place no samples in the others.

Empty space is most of many objects' box. Left out, the same number of samples
lies several times as dense where the material is, and the projection loss is
less noisy; noise of the line integrals is not harmless, for it grows with the
sharpness of edges and so blurs them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool3d

from xct4d.device import HOST, sent
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.kernels import occupancy as kernels

CELLS = 48  # per axis
PROBES = 2  # per axis of a cell
FAINT = 0.01  # of the densest material counts as empty


def full() -> Tensor:
    """Every cell occupied: [CELLS, CELLS, CELLS] bool (z, y, x)."""
    return torch.ones(CELLS, CELLS, CELLS, dtype=torch.bool)


def occupied(density: Callable[[Tensor], Tensor], rng: np.random.Generator, device: torch.device = HOST) -> Tensor:
    """Cells in which, or beside which, some probe finds more than FAINT of the densest material.

    density: points [N, 3] -> [N], both on the device. The probes are jittered, so that repeated calls find what one may miss.
    """
    n = CELLS * PROBES
    centres = voxel_centres(n)
    highest = torch.empty(CELLS, CELLS, CELLS, device=device)
    for k in range(CELLS):
        points = grid_points(centres[k * PROBES : (k + 1) * PROBES], centres, centres)
        points += rng.uniform(-1 / n, 1 / n, points.shape)
        values = density(sent(points.astype(np.float32), device))
        highest[k] = values.reshape(PROBES, CELLS, PROBES, CELLS, PROBES).amax((0, 2, 4))
    dense = highest > FAINT * highest.quantile(0.999)
    return max_pool3d(dense[None].float(), 3, stride=1, padding=1)[0] > 0  # and the cells beside them


def centres(cells: Tensor, parts: int = 3) -> Tensor:
    """Centres [N, 3] of the parts^3 equal parts of every occupied cell."""
    n = CELLS * parts
    fine = cells.repeat_interleave(parts, 0).repeat_interleave(parts, 1).repeat_interleave(parts, 2)
    return (torch.nonzero(fine).flip(1) + 0.5) * (2 / n) - 1


@torch.no_grad()
def reached(points: Tensor, reach: float = 0.5) -> Tensor:
    """Cells within `reach` cells of a point [N, 3]: where material is that was followed by the centres of its cells' parts.

    That covers every point of a part, unless the motion stretched it 2 parts reach times.
    """
    out = torch.zeros(CELLS, CELLS, CELLS, dtype=torch.bool, device=points.device)
    kernels.mark_occupied(out, points.detach().contiguous(), reach)
    return out


def held(cells: Tensor, points: Tensor) -> Tensor:
    """Indices of the points [N, 3] that lie inside the box and in an occupied cell."""
    return torch.nonzero(kernels.in_occupied_cell(cells, points.detach().contiguous()))[:, 0]
