"""A frozen canonical as a dense volume: what velocity and mixing train on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from xct4d.device import sent
from xct4d.fields import storage
from xct4d.fields.density import DensityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.kernels import trilinear


class BakedField:
    """Attenuation [n, n, n] (z, y, x) at voxel centres, per world unit."""

    def __init__(self, volume: Tensor):
        self.volume = volume

    @classmethod
    def bake(cls, field: DensityField, n: int) -> BakedField:
        """Evaluate a field at the n^3 voxel centres, slab by slab."""
        axis = voxel_centres(n)
        volume = torch.empty(n, n, n, device=field.cells.device)
        for k in range(n):
            points = grid_points(axis[k : k + 1], axis, axis).astype(np.float32)
            volume[k] = field.evaluate(sent(points, volume.device)).reshape(n, n)
        return cls(volume)

    def to(self, device: torch.device) -> BakedField:
        return BakedField(self.volume.to(device))

    def __call__(self, points: Tensor) -> Tensor:  # [N, 3] -> [N]
        return trilinear.sample(self.volume, points)

    def blurred(self, sigma: float) -> BakedField:
        """A copy blurred by a Gaussian of that standard deviation (world units); empty beyond the box."""
        if sigma == 0:
            return self
        voxels = sigma * len(self.volume) / 2
        blurred = gaussian_filter(self.volume.cpu().numpy(), voxels, mode="constant", truncate=3.0)
        return BakedField(sent(blurred, self.volume.device))

    def save(self, path: Path) -> None:
        storage.write(path, "baked", {}, {"volume": self.volume})

    @classmethod
    def load(cls, path: Path) -> BakedField:
        return cls(storage.read(path, "baked")[1]["volume"])
