"""Solid material keeps its volume: a prior on the divergence of the velocity.

Where attenuation is kept although material moves (fields.conservation), mass is
kept only if volumes are: det F = 1, hence div v = 0. That holds inside solid
material, which no image shows where it has no texture; a lattice or a foam is
compressed by bending its struts, and at the scale of the control points it has a
divergence. So the mean of s(x)^4 (div v)^2 over the box and over time is
penalised, s the part of a place's surroundings that is solid: 1 inside a block,
about 0.2 in a lattice, of which the fourth power leaves nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from xct4d.fields.baked import BakedField
from xct4d.fields.material import is_solid
from xct4d.geometry.box import voxel_centres
from xct4d.kernels import bspline

GRID = 24  # points per axis at which the divergence is taken
SURROUNDINGS = 0.08  # standard deviation of the Gaussian over which solid material is counted, world units
POWER = 4
STEP = 1e-4  # of the differences that give the spline's slope, world units


class Solidity:
    """The penalty of control points [modes, n, n, n, 3], and its gradient."""

    def __init__(self, scans: tuple[np.ndarray, np.ndarray], resolution: int, modes: int):
        """scans: attenuation [m, m, m] at t = 0 and 1. resolution, modes: of the velocity, in space and in time."""
        places = voxel_centres(GRID)
        self._value = bspline.basis(resolution, places)
        ahead, behind = (bspline.basis(resolution, places + step) for step in (STEP, -STEP))
        self._slope = (ahead - behind) / (2 * STEP)
        self._time = bspline.basis(modes, np.linspace(-1, 1, 2 * modes + 1))
        self._weight = np.mean([solid_surroundings(scan) for scan in scans], axis=0) ** POWER

    def __call__(self, control: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = self._value, self._slope
        directions = ((value, value, slope), (value, slope, value), (slope, value, value))  # matrices along z, y, x for v_x, v_y, v_z
        at_times = np.tensordot(self._time, control, 1)
        divergence = sum(
            np.einsum("kc,jb,ia,tcba->tkji", *matrices, at_times[..., axis], optimize=True) for axis, matrices in enumerate(directions)
        )
        weighted = self._weight * divergence
        pull = 2 * weighted / divergence.size
        back = [np.einsum("kc,jb,ia,tkji->tcba", *matrices, pull, optimize=True) for matrices in directions]
        return float((weighted * divergence).mean()), np.tensordot(self._time.T, np.stack(back, -1), 1)


def solid_surroundings(scan: np.ndarray) -> np.ndarray:
    """The part of each place's surroundings that is solid, from 0 to 1: [GRID, GRID, GRID]."""
    solid = is_solid(scan).astype(np.float32)
    part = gaussian_filter(solid, SURROUNDINGS * len(scan) / 2)
    axis = torch.from_numpy(voxel_centres(GRID)).float()
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).flip(-1).reshape(-1, 3)
    return BakedField(torch.from_numpy(part))(points).numpy().reshape(GRID, GRID, GRID)
