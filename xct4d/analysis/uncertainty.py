"""The uncertainty of the displacement: its spread among motions that explain the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor

from xct4d.directions import SCAN_TIME
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_occupied
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres

GRID = 48  # points per axis at which samples are compared: a deviation is smooth
SMOOTHED = 3.0  # grid points: few samples tell a variance only together with their neighbours


@dataclass(frozen=True)
class Motions:
    """A fitted motion, and samples of its posterior distribution."""

    fitted: VelocityField
    samples: list[VelocityField]

    @classmethod
    def load(cls, folder: Path) -> Motions:
        """From the output folder of the stage trust. Raises InputError where a file is missing or damaged."""
        count = len(list(folder.glob("sample_*.safetensors")))
        samples = [VelocityField.load(folder / f"sample_{k}.safetensors") for k in range(count)]
        return cls(VelocityField.load(folder / "fitted.safetensors"), samples)

    @torch.no_grad()
    def deviation(self, t: float, attenuation: np.ndarray) -> np.ndarray:
        """Standard deviation [3, GRID, GRID, GRID] of the displacement since t = 0 of the material at a place at time t, world units.

        attenuation: [GRID, GRID, GRID] at time t; variances are averaged over
        a Gaussian, over material alone.
        """
        places = torch.from_numpy(grid()).float()
        there = self.fitted.flow(places, t, SCAN_TIME["forward"])
        square = sum((sample.flow(places, t, SCAN_TIME["forward"]) - there) ** 2 for sample in self.samples) / len(self.samples)
        body = is_occupied(attenuation).astype(np.float32)
        weight = np.maximum(gaussian_filter(body, SMOOTHED), 1e-6)
        variance = square.numpy().T.reshape(3, GRID, GRID, GRID)
        near = np.stack([gaussian_filter(component * body, SMOOTHED) / weight for component in variance])
        return np.sqrt(np.where(weight > 1e-3, near, variance))


def attenuation_on_grid(evolution: Evolution, t: float) -> np.ndarray:
    """Attenuation [GRID, GRID, GRID] at time t, per world unit."""
    return evolution.result(torch.from_numpy(grid()).float(), t).numpy().reshape(GRID, GRID, GRID)


def grid() -> np.ndarray:
    """Points [GRID^3, 3] at which deviations are computed."""
    axis = voxel_centres(GRID)
    return grid_points(axis, axis, axis)


def interpolated(deviation: np.ndarray, points: Tensor) -> Tensor:
    """A deviation [3, GRID, GRID, GRID] at points [N, 3], trilinear: [N, 3]."""
    index = (points.numpy()[:, ::-1].T + 1) * GRID / 2 - 0.5
    found = [map_coordinates(component, index, order=1, mode="nearest") for component in deviation]
    return torch.from_numpy(np.stack(found, -1).astype(np.float32))
