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
from scipy.ndimage import binary_dilation
from torch import Tensor

from xct4d.geometry.box import grid_points, voxel_centres

CELLS = 48  # per axis
PROBES = 2  # per axis of a cell
FAINT = 0.01  # of the densest material counts as empty


def full() -> Tensor:
    """Every cell occupied: [CELLS, CELLS, CELLS] bool (z, y, x)."""
    return torch.ones(CELLS, CELLS, CELLS, dtype=torch.bool)


def occupied(density: Callable[[Tensor], Tensor], rng: np.random.Generator) -> Tensor:
    """Cells in which, or beside which, some probe finds more than FAINT of the densest material.

    density: points [N, 3] -> [N]. The probes are jittered, so that repeated calls find what one may miss.
    """
    n = CELLS * PROBES
    centres = voxel_centres(n)
    highest = np.empty((CELLS, CELLS, CELLS), np.float32)
    for k in range(CELLS):
        points = grid_points(centres[k * PROBES : (k + 1) * PROBES], centres, centres)
        points += rng.uniform(-1 / n, 1 / n, points.shape)
        values = density(torch.from_numpy(points.astype(np.float32))).numpy()
        highest[k] = values.reshape(PROBES, CELLS, PROBES, CELLS, PROBES).max((0, 2, 4))
    threshold = FAINT * np.quantile(highest, 0.999)
    return torch.from_numpy(binary_dilation(highest > threshold, np.ones((3, 3, 3))))


def carried(cells: Tensor, flow: Callable[[Tensor], Tensor]) -> Tensor:
    """Cells from which a flow, points [N, 3] -> [N, 3], leads into occupied ones.

    The flow of each cell's probes is followed, and what lies one cell beside
    where they arrive counts too: that covers all points of a cell unless the
    flow stretches it more than 2.3 times.
    """
    near = torch.from_numpy(binary_dilation(cells.numpy(), np.ones((3, 3, 3))))
    centres = voxel_centres(CELLS * PROBES)
    arrived = flow(torch.from_numpy(grid_points(centres, centres, centres).astype(np.float32)))
    i, j, k = ((arrived + 1) * (0.5 * CELLS)).long().clamp_(0, CELLS - 1).unbind(-1)
    return near[k, j, i].reshape(CELLS, PROBES, CELLS, PROBES, CELLS, PROBES).amax((1, 3, 5))


def held(cells: Tensor, points: Tensor) -> Tensor:
    """Indices of the points [N, 3] that lie inside the box and in an occupied cell."""
    index = ((points + 1) * (0.5 * CELLS)).floor().long()
    inside = ((index >= 0) & (index < CELLS)).all(-1)
    i, j, k = index.clamp(0, CELLS - 1).unbind(-1)
    return torch.nonzero(inside & cells[k, j, i])[:, 0]
