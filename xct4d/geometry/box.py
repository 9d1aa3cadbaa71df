"""The box [-1, 1]^3 and its grid points."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from torch import Tensor


def voxel_centres(n: int) -> np.ndarray:
    """[n] float64: -1 + (i + 0.5) 2 / n."""
    return -1.0 + (np.arange(n) + 0.5) * 2.0 / n


def grid_points(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Points [len(z) len(y) len(x), 3] (x, y, z), in the order of a (z, y, x) volume."""
    grid = np.meshgrid(z, y, x, indexing="ij")
    return np.stack([axis.ravel() for axis in reversed(grid)], -1)


def tiles(n: int, size: int) -> Iterator[tuple[tuple[slice, slice, slice], np.ndarray]]:
    """The grid points of an n^3 volume, tile by tile, at most `size` per axis.

    Yields slices along z, y and x, and their points [N, 3] (x, y, z) float64 in
    the order of the tile's voxels.
    """
    centres = voxel_centres(n)
    parts = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    for z, y, x in product(parts, parts, parts):
        yield (z, y, x), grid_points(centres[z], centres[y], centres[x])


def inside_box(values: Tensor, points: Tensor) -> Tensor:
    """Values [N], zero where their points [N, 3] lie outside the box."""
    x, y, z = (axis.abs() <= 1 for axis in points.unbind(-1))
    return values * (x & y & z)
