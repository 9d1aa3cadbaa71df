"""The attenuation of a scan that is known beforehand, as voxels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


class KnownGrid:
    """Attenuation [nz, ny, nx] over the box [-1, 1]^3, per world unit, interpolated trilinearly."""

    def __init__(self, volume: Tensor, *, on_faces: bool = False):
        """on_faces: whether the outermost values lie on the faces of the box, not half a voxel within."""
        self._volume, self._on_faces = volume, on_faces

    def to(self, device: torch.device) -> KnownGrid:
        return KnownGrid(self._volume.to(device), on_faces=self._on_faces)

    def __call__(self, points: Tensor) -> Tensor:
        """Attenuation [N] at points [N, 3] (x, y, z) of the box; beyond the outermost values that of the nearest."""
        found = grid_sample(self._volume[None, None], points[None, None, None], padding_mode="border", align_corners=self._on_faces)
        return found.reshape(-1)
