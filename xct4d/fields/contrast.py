"""Planes of a volume that are worth showing: those with contrast, near the centre."""

from __future__ import annotations

import numpy as np

from xct4d.geometry.box import voxel_centres

GOOD = 0.9  # of the greatest contrast: enough for a plane near the centre


def clearest_planes(volume: np.ndarray) -> list[int]:
    """One plane of a volume (z, y, x) across each axis, chosen by `clearest`."""
    return [clearest(contrast) for contrast in plane_variance(volume)]


def clearest(contrast: np.ndarray) -> int:
    """Of parallel planes with contrast [n], the one nearest the centre that has at least GOOD of the greatest.

    Not simply the central plane: between separate objects it is often empty.
    """
    good = np.flatnonzero(contrast >= GOOD * contrast.max())
    return int(good[np.abs(voxel_centres(len(contrast))[good]).argmin()])


def plane_variance(volume: np.ndarray) -> list[np.ndarray]:
    """Variance within each plane of a volume, for the planes across each of its axes: the measure of contrast."""
    return [np.moveaxis(volume, axis, 0).reshape(volume.shape[axis], -1).var(axis=1) for axis in range(3)]
