"""A sample of a view's rays, few enough to look at for every projection."""

from __future__ import annotations

import numpy as np

from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views
from xct4d.selection import evenly_spaced

GRID = 48  # detector points per axis that are looked at


def sample_rays(views: Views, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rays through an even grid of at most GRID x GRID pixels of one view.

    Returns column [N], row [N] (whole pixels) and rays [N, 8] as geometry.rays.cast returns them.
    """
    width, height = (int(n) for n in views.size[view])
    row, column = (index.ravel() for index in np.meshgrid(evenly_spaced(height, GRID), evenly_spaced(width, GRID), indexing="ij"))
    return column, row, cast(views, np.full(len(column), view), column + 0.5, row + 0.5)
