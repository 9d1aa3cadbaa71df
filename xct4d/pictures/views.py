"""What a film shows of a model at a time: a plane, or the largest value along each line of sight, as an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xct4d.fields import occupancy
from xct4d.fields.contrast import clearest, plane_variance
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_solid
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.planes import PLANE_AXES

AXES = tuple(across for across, _, _ in PLANE_AXES.values())
RIGHT_UP = {across: (right, up) for across, right, up in PLANE_AXES.values()}
PIXELS = 240  # per side of a plane
DEPTH = 128  # voxels per axis behind a projection
COARSE = 48  # grid points per axis on which a plane worth showing is looked for

Values = Callable[[Evolution, Tensor, float], Tensor]  # of points [N, 3] at a time: [N], world units


@dataclass(frozen=True)
class View:
    """A plane across an axis at a position, or the maximum along the axis, where the position is None."""

    axis: str  # of AXES
    position: float | None  # world units

    def image(self, evolution: Evolution, values: Values, t: float, *, within: bool) -> np.ndarray:
        """[v, u] float32, v upwards, of a quantity at time t.

        within: only inside solid material; NaN elsewhere.
        """
        number = AXES.index(self.axis)
        if self.position is not None:
            axes = [voxel_centres(PIXELS)] * 3
            axes[number] = np.array([self.position])
            return grid_values(evolution, values, t, axes, within=within).reshape(PIXELS, PIXELS)
        volume = grid_values(evolution, values, t, [voxel_centres(DEPTH)] * 3, within=within)
        return np.fmax.reduce(volume, axis=number)  # NaN only where the whole line has nothing


def grid_values(evolution: Evolution, values: Values, t: float, axes: list[np.ndarray], *, within: bool) -> np.ndarray:
    """Values [z, y, x] on a grid, given its places along z, y and x; computed in occupied cells alone, elsewhere zero.

    within: only inside solid material; NaN elsewhere.
    """
    points = torch.from_numpy(grid_points(*axes)).float()
    cells = evolution.cells(t)
    occupied = occupancy.inside(cells, points.to(cells.device)).cpu()
    volume = torch.full((len(points),), torch.nan if within else 0.0)
    if within and len(occupied):
        attenuation = evolution.result(points[occupied], t)
        occupied = occupied[torch.from_numpy(is_solid(attenuation.numpy()))]
    volume[occupied] = values(evolution, points[occupied], t)
    return volume.numpy().reshape([len(axis) for axis in axes])


def clearest_position(evolution: Evolution, axis: str) -> float:
    """Where a plane across an axis has contrast over the whole time, as near the centre as possible."""
    centres = voxel_centres(COARSE)
    points = torch.from_numpy(grid_points(centres, centres, centres)).float()
    contrast = np.zeros(COARSE)
    for t in (0.0, 0.5, 1.0):
        volume = evolution.result(points, t).numpy().reshape(3 * (COARSE,))
        contrast += plane_variance(volume)[AXES.index(axis)]
    return float(centres[clearest(contrast)])
