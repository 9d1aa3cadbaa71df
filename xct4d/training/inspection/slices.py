"""Slices of a volume as one image for TensorBoard."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent
from xct4d.fields import contrast
from xct4d.geometry.box import grid_points, voxel_centres


def slices_image(volume: np.ndarray) -> np.ndarray:
    """[1, n, 3n] in [0, 1]: a slice of a volume [n, n, n] (z, y, x) across each axis, side by side.

    The slices are those with contrast nearest the centre (fields.contrast): the
    central ones are often empty.
    """
    z, y, x = contrast.clearest_planes(volume)
    slices = np.concatenate([volume[z], volume[::-1, y], volume[::-1, :, x]], 1)
    return slices[None] / max(float(slices.max()), 1e-12)


def cube_points(n: int, device: torch.device) -> Tensor:
    """Centres of n^3 voxels of the box: [n^3, 3] float32."""
    axis = voxel_centres(n)
    return sent(grid_points(axis, axis, axis).astype(np.float32), device)


def cube_image(values: Tensor) -> np.ndarray:
    """`slices_image` of values [n^3] at `cube_points`."""
    n = round(len(values) ** (1 / 3))
    return slices_image(values.reshape(n, n, n).cpu().numpy())
