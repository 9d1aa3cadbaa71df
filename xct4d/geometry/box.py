"""The box [-1, 1]^3 and its grid points."""

from __future__ import annotations

import numpy as np
from torch import Tensor


def voxel_centres(n: int) -> np.ndarray:
    """[n] float64: -1 + (i + 0.5) 2 / n."""
    return -1.0 + (np.arange(n) + 0.5) * 2.0 / n


def grid_points(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Points [len(z) len(y) len(x), 3] (x, y, z), in the order of a (z, y, x) volume."""
    grid = np.meshgrid(z, y, x, indexing="ij")
    return np.stack([axis.ravel() for axis in reversed(grid)], -1)


def inside_box(values: Tensor, points: Tensor) -> Tensor:
    """Values [N], zero where their points [N, 3] lie outside the box."""
    x, y, z = (axis.abs() <= 1 for axis in points.unbind(-1))
    return values * (x & y & z)
