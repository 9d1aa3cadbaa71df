"""Planes of a trained model that are worth showing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xct4d.fields.contrast import GOOD, clearest, plane_variance
from xct4d.fields.evolution import Evolution
from xct4d.geometry.box import grid_points, voxel_centres

COARSE = 64  # grid points per axis on which contrast is looked at
APART = 5  # coarse grid points between two planes
FAINTEST = 0.2  # of the greatest contrast: a plane with less is not shown beside it


@dataclass(frozen=True)
class Planes:
    """Parallel planes through an n-voxel volume (z, y, x)."""

    axis: int
    indices: tuple[int, ...]
    n: int

    def positions(self) -> list[float]:
        """World coordinates along the axis."""
        return [float(voxel_centres(self.n)[index]) for index in self.indices]

    def points(self) -> list[np.ndarray]:
        """World coordinates [n n, 3] (x, y, z) of each plane's grid points, in the order of its image's pixels."""
        centres = [voxel_centres(self.n)] * 3
        return [grid_points(*centres[: self.axis], centres[self.axis][[index]], *centres[self.axis + 1 :]) for index in self.indices]

    def cut(self, slab: np.ndarray, start: int) -> list[np.ndarray]:
        """The part of each plane that lies in slab = volume[start:stop]: rows of the plane's image, none where slab and plane do not meet."""
        if self.axis > 0:
            return [np.take(slab, index, axis=self.axis) for index in self.indices]
        nothing = np.empty((0, slab.shape[2]), slab.dtype)
        return [slab[index - start] if start <= index < start + len(slab) else nothing for index in self.indices]


def choose(evolution: Evolution, n: int, most: int) -> Planes:
    """Up to `most` planes, sorted, along the axis with the clearest one.

    Contrast is the variance within a plane, summed over both canonicals. The
    first plane is the one nearest the centre that has at least 0.9 of the
    greatest contrast (separate objects often leave the central plane empty);
    the others have the greatest contrast away from those before.
    """
    contrast = _contrast(evolution)
    good = np.argwhere(contrast >= GOOD * contrast.max())
    axis, first = good[np.abs(voxel_centres(COARSE)[good[:, 1]]).argmin()]
    chosen, left = [first], contrast[axis].copy()
    while True:
        left[max(chosen[-1] - APART + 1, 0) : chosen[-1] + APART] = 0
        following = left.argmax()
        if len(chosen) == most or left[following] <= FAINTEST * contrast.max():
            break
        chosen.append(following)
    return Planes(int(axis), tuple(_finer(c, n) for c in sorted(chosen)), n)


def perpendicular(evolution: Evolution, n: int) -> list[Planes]:
    """One plane with contrast across each axis z, y, x, as near the centre as possible (fields.contrast)."""
    return [Planes(axis, (_finer(clearest(contrast), n),), n) for axis, contrast in enumerate(_contrast(evolution))]


def _contrast(evolution: Evolution) -> np.ndarray:
    """Variance within each coarse plane across each axis, summed over both canonicals: [3, COARSE]."""
    centres = voxel_centres(COARSE)
    points = torch.from_numpy(grid_points(centres, centres, centres)).float()
    contrast = np.zeros((3, COARSE))
    for kind, t in evolution.scans.items():
        contrast += plane_variance(evolution.attenuation(points, t, [kind])[kind].numpy().reshape(3 * (COARSE,)))
    return contrast


def _finer(coarse: int, n: int) -> int:
    """The plane of n that a coarse one lies in."""
    return min(int((voxel_centres(COARSE)[coarse] + 1) / 2 * n), n - 1)
