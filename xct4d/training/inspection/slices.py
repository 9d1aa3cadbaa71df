"""Slices of a volume as one image for TensorBoard."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from xct4d.device import sent
from xct4d.fields import contrast
from xct4d.geometry.box import grid_points, voxel_centres

HIDDEN = (0.1, 0.15, 0.4)  # colour of what has no value
ENLARGED = 3  # pixels of an image with a scale, for each voxel
BAR = 80  # pixels, width of a scale


def slices_image(volume: np.ndarray) -> np.ndarray:
    """[1, n, 3n] in [0, 1]: a slice of a volume [n, n, n] (z, y, x) across each axis, side by side.

    The slices are those with contrast nearest the centre (fields.contrast): the
    central ones are often empty.
    """
    z, y, x = contrast.clearest_planes(volume)
    slices = np.concatenate([volume[z], volume[::-1, y], volume[::-1, :, x]], 1)
    return slices[None] / max(float(slices.max()), 1e-12)


def difference_image(values: Tensor) -> np.ndarray:
    """Slices [1, n, 3n] in [0, 1] of values [n^3] at `cube_points`: zero is grey, the largest magnitude black or white."""
    n = round(len(values) ** (1 / 3))
    volume = values.reshape(n, n, n).cpu().numpy()
    z, y, x = contrast.clearest_planes(abs(volume))
    slices = np.concatenate([volume[z], volume[::-1, y], volume[::-1, :, x]], 1)
    return 0.5 + 0.5 * slices[None] / max(float(abs(slices).max()), 1e-12)


def scaled_image(values: Tensor, shown: np.ndarray) -> np.ndarray:
    """Slices [3, h, w] in [0, 1] of values [n^3] at `cube_points`, with a scale: black is 0, white the largest shown value.

    shown: bool [n^3], where the values mean something; the rest is blue.
    """
    n = round(len(values) ** (1 / 3))
    mask = shown.reshape(n, n, n)
    volume = np.where(mask, values.reshape(n, n, n).cpu().numpy(), 0)
    z, y, x = contrast.clearest_planes(volume)
    slices, seen = (np.concatenate([v[z], v[::-1, y], v[::-1, :, x]], 1) for v in (volume, mask))
    top = max(float(slices.max()), 1e-12)
    colours = np.where(seen[..., None], (slices / top)[..., None], HIDDEN).repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    return np.concatenate([colours, _scale_bar(len(colours), top)], 1).transpose(2, 0, 1)


def _scale_bar(height: int, top: float) -> np.ndarray:
    """[height, BAR, 3]: from black, 0, at its lower end to white, `top`, with both numbers."""
    bar = Image.new("RGB", (BAR, height))
    ramp = np.linspace(255, 0, height).astype(np.uint8)[:, None].repeat(BAR // 4, 1)
    bar.paste(Image.fromarray(ramp), (BAR // 8, 0))
    draw = ImageDraw.Draw(bar)
    draw.text((BAR // 2, 0), f"{top:.3g}", fill="white")
    draw.text((BAR // 2, height - 12), "0", fill="white")
    return np.asarray(bar, np.float32) / 255


def cube_points(n: int, device: torch.device) -> Tensor:
    """Centres of n^3 voxels of the box: [n^3, 3] float32."""
    axis = voxel_centres(n)
    return sent(grid_points(axis, axis, axis).astype(np.float32), device)


def cube_image(values: Tensor) -> np.ndarray:
    """`slices_image` of values [n^3] at `cube_points`."""
    n = round(len(values) ** (1 / 3))
    return slices_image(values.reshape(n, n, n).cpu().numpy())
