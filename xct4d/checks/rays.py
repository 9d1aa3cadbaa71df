"""A sample of a view's rays, few enough to look at for every projection."""

from __future__ import annotations

import numpy as np

from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views
from xct4d.selection import evenly_spaced

GRID = 48  # detector points per axis that are looked at


def sample_rays(views: Views, view: int, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays through an even grid of at most GRID x GRID pixels of one view, or through those of them that count.

    mask: which pixels count, [height, width] bool; where none of the grid does,
    evenly chosen ones that count are taken, of which there must be some.
    Returns column [N], row [N] (whole pixels) and rays [N, 8] as geometry.rays.cast returns them.
    """
    width, height = (int(n) for n in views.size[view])
    row, column = (index.ravel() for index in np.meshgrid(evenly_spaced(height, GRID), evenly_spaced(width, GRID), indexing="ij"))
    if mask is not None:
        counts = mask[row, column]
        if counts.any():
            row, column = row[counts], column[counts]
        else:
            every = np.flatnonzero(mask)
            row, column = np.divmod(every[evenly_spaced(len(every), GRID)], width)
    return column, row, cast(views, np.full(len(column), view), column + 0.5, row + 0.5)


def way_through_column(rays: np.ndarray, half: float = 1.0) -> np.ndarray:
    """Length, as seen along z, of the way of each ray through the column |x| <= half, |y| <= half: [N], 0 beside it."""
    origin, direction = rays[:, :2], np.where(np.abs(rays[:, 3:5]) < 1e-12, 1e-12, rays[:, 3:5])
    faces = np.sort([(-half - origin) / direction, (half - origin) / direction], axis=0)
    near, far = faces[0].max(1), faces[1].min(1)
    return np.maximum(far - np.maximum(near, 0), 0) * np.hypot(*direction.T)
