"""The box [-1, 1]^3 and its grid points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


WHOLE = ((-1.0, 1.0),) * 3  # the faces of the box along z, y, x


def faces(n: int, block: Sequence[slice]) -> tuple[tuple[float, float], ...]:
    """Along each axis the world coordinates of the outer faces of a block of an n^3 volume's voxels."""
    return tuple((-1.0 + own.start * 2.0 / n, -1.0 + own.stop * 2.0 / n) for own in block)


def tiles(n: int, size: int, block: Sequence[slice]) -> Iterator[tuple[tuple[slice, slice, slice], np.ndarray]]:
    """The grid points of a block of an n^3 volume, tile by tile, at most `size` per axis.

    block: slices along z, y and x. Yields slices of the block along z, y and x,
    and their points [N, 3] (x, y, z) float64 in the order of the tile's voxels.
    """
    centres = [voxel_centres(n)[own] for own in block]
    for z, y, x in product(*([slice(start, min(start + size, len(own))) for start in range(0, len(own), size)] for own in centres)):
        yield (z, y, x), grid_points(centres[0][z], centres[1][y], centres[2][x])


def inside_box(values: Tensor, points: Tensor) -> Tensor:
    """Values [N], zero where their points [N, 3] lie outside the box."""
    x, y, z = (axis.abs() <= 1 for axis in points.unbind(-1))
    return values * (x & y & z)
