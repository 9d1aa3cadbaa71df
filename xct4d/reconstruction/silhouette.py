"""The visual hull of a scan (Laurentini 1994): the places that may hold material.

A place that a pixel of any projection sees as air is empty. The reconstruction
leaves such places out, which saves most of its time where the box is nearly
empty.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import binary_dilation, maximum_filter, uniform_filter

from xct4d.fields import occupancy
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.pixel_size import pixel_size
from xct4d.geometry.views import Views

AIR = 0.005  # a pixel shows air where its line integral is below this fraction of the largest one
SMOOTHED = 3  # pixels over which images are averaged first, so that noise does not hide air


def silhouette_cells(images: np.ndarray, views: Views, counts: np.ndarray | None = None) -> np.ndarray:
    """Cells of the box that may hold material: [CELLS, CELLS, CELLS] bool (z, y, x), as in fields.occupancy.

    images [V, h, w]: line integrals. counts [V, h, w]: 0 for pixels that show
    nothing; None where all do. A pixel shows air if all pixels within a cell's
    size of it do. One cell more on each side is kept.
    """
    smooth = uniform_filter(images, (0, SMOOTHED, SMOOTHED))
    dense = smooth.max() if counts is None else smooth.max(where=counts > 0, initial=0)
    if counts is not None:
        smooth = np.where(counts > 0, smooth, np.float32(np.inf))
    axis = voxel_centres(occupancy.CELLS)
    points = grid_points(axis, axis, axis)
    kept = np.ones(len(points), bool)
    for view, line in enumerate(smooth):
        radius = int(np.ceil(2 / occupancy.CELLS / pixel_size(views, view)))
        air = maximum_filter(line, 2 * radius + 1) < AIR * dense
        kept[kept] = ~_on(air, views, view, points[kept])
    return binary_dilation(kept.reshape(3 * [occupancy.CELLS]), np.ones((3, 3, 3)))


def _on(mask: np.ndarray, views: Views, view: int, points: np.ndarray) -> np.ndarray:
    """Whether points [N, 3] lie on true pixels of a mask [h, w]; points beside the detector do not."""
    x, y, z = _camera(points, views.camera_to_world[view])
    column = np.floor(views.centre[view, 0] - views.focal[view, 0] * x / z).astype(int)
    row = np.floor(views.centre[view, 1] + views.focal[view, 1] * y / z).astype(int)
    inside = (z < 0) & (column >= 0) & (row >= 0) & (column < mask.shape[1]) & (row < mask.shape[0])
    out = np.zeros(len(points), bool)
    out[inside] = mask[row[inside], column[inside]]
    return out


def _camera(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Points [N, 3] in the camera's axes: [3, N]."""
    return pose[:, :3].T @ (points - pose[:, 3]).T


def span(cells: np.ndarray, n: int) -> torch.Tensor:
    """First z and past the last z of each column of n^3 voxels that lies in the cells (z, y, x): [2, n, n] int32 (y, x), as kernels.projector reads it."""
    of_voxel = (np.arange(n) * 2 + 1) * len(cells) // (2 * n)
    columns = cells[np.ix_(of_voxel, of_voxel, of_voxel)].transpose(1, 2, 0)
    some = columns.any(2)
    low = np.where(some, columns.argmax(2), 0)
    high = np.where(some, n - columns[:, :, ::-1].argmax(2), 0)
    return torch.from_numpy(np.stack([low, high]).astype(np.int32))
