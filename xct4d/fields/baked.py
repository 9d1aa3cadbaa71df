"""A trained canonical field as a volume of voxels, on which velocity and mixing are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent
from xct4d.fields import storage
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.kernels import trilinear

# Half precision has eleven significant bits from 6e-5 to 65504, and steps of 6e-8 below. A volume
# whose largest value lies between these two is stored with an error of a two-thousandth of that value at most.
HALF_HOLDS = (1e-3, 6e4)


class Canonical(Protocol):
    """What can be baked: a canonical field."""

    cells: Tensor  # occupied cells, on the device that computes the field

    def evaluate(self, points: Tensor) -> Tensor:  # [N, 3] -> [N]
        """Attenuation at any points, without gradients."""


class BakedField:
    """Attenuation [n, n, n] (z, y, x) at voxel centres, per world unit."""

    def __init__(self, volume: Tensor):
        self.volume = volume

    @classmethod
    def bake(cls, field: Canonical, n: int) -> BakedField:
        """Evaluate a field at the n^3 voxel centres, slab by slab, into the computer's memory."""
        axis = voxel_centres(n)
        volume = torch.empty(n, n, n)
        for k in range(n):
            points = grid_points(axis[k : k + 1], axis, axis).astype(np.float32)
            volume[k] = field.evaluate(sent(points, field.cells.device)).reshape(n, n)
        return cls(volume)

    def coarser(self, n: int) -> BakedField:
        """The same attenuation with n^3 voxels, each the mean over its own volume, whatever n is."""
        return self if n == len(self.volume) else self._along_axes(_overlap(n, len(self.volume)))

    def to(self, device: torch.device) -> BakedField:
        """A copy on a device; on a GPU in half precision, where that holds the values: half the bytes to fetch at every sample."""
        if device.type != "cpu" and HALF_HOLDS[0] < float(self.volume.max()) < HALF_HOLDS[1]:
            return BakedField(self.volume.half().to(device))
        return BakedField(self.volume.to(device))

    def __call__(self, points: Tensor) -> Tensor:  # [N, 3] -> [N]
        return trilinear.sample(self.volume, points)

    def blurred(self, sigma: float) -> BakedField:
        """A copy blurred by a Gaussian of that standard deviation (world units); empty beyond the box."""
        if sigma == 0:
            return self
        n = len(self.volume)
        return self._along_axes(_blur(n, sigma * n / 2))

    def _along_axes(self, weights: np.ndarray) -> BakedField:
        """Each axis times weights [m, n]."""
        m, n = weights.shape
        along = sent(weights, self.volume.device)
        # a whole product per axis: more arithmetic than a filter, but of the kind that every device is fastest at
        changed = along @ self.volume.float() @ along.T
        changed = (along @ changed.reshape(n, m * m)).reshape(m, m, m)
        return BakedField(changed.to(self.volume.dtype))

    def save(self, path: Path) -> None:
        storage.write(path, "baked", {}, {"volume": self.volume})

    @classmethod
    def load(cls, path: Path) -> BakedField:
        """Read what `save` wrote. Raises InputError where it is missing, damaged or holds another kind of field."""
        return cls(storage.read(path, "baked")[1]["volume"])


def _overlap(m: int, n: int) -> np.ndarray:
    """[m, n] float32: the part of each of m voxels of an axis that lies in each of n voxels of it."""
    low, high = (np.maximum.outer(np.arange(m) / m, np.arange(n) / n), np.minimum.outer(np.arange(1, m + 1) / m, np.arange(1, n + 1) / n))
    return (m * np.maximum(high - low, 0)).astype(np.float32)


def _blur(n: int, sigma: float) -> np.ndarray:
    """[n, n] float32: the weights that blur an axis by a Gaussian, cut at three standard deviations (voxels)."""
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    radius = int(3 * sigma + 0.5)
    whole = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).sum()
    return np.where(apart <= radius, np.exp(-0.5 * (apart / sigma) ** 2) / whole, 0).astype(np.float32)
