"""Whole projections predicted from a density."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from xct4d.io.prepared import Frames
from xct4d.training.sampling.rays import OccupiedCells, everywhere, place_samples

CHUNK_SAMPLES = 2**21


@torch.no_grad()
def render(
    density: Callable[[Tensor, float], Tensor],  # points [N, 3], time -> [N]
    flat_field: Callable[[float], float],
    frames: Frames,
    frame: int,
    *,
    samples: int,
    stride: int = 1,
    cells: OccupiedCells = everywhere,
) -> np.ndarray:
    """Transmission [ceil(height / stride), ceil(width / stride)] float32 of a frame, each stride-th pixel of each stride-th row.

    density: attenuation [N] at points [N, 3] and a time. flat_field: f at a
    time. samples: along each ray. cells: the occupied cells at a time; the
    others are not sampled.
    """
    (image,) = render_each(
        lambda points, time: [density(points, time)], flat_field, frames, frame, samples=samples, stride=stride, cells=cells
    )
    return image


@torch.no_grad()
def render_each(
    densities: Callable[[Tensor, float], Sequence[Tensor]],  # points [N, 3], time -> [N] of each
    flat_field: Callable[[float], float],
    frames: Frames,
    frame: int,
    *,
    samples: int,
    stride: int = 1,
    cells: OccupiedCells = everywhere,
) -> list[np.ndarray]:
    """`render` of several densities that share their work."""
    width, height = frames.size(frame)
    row, column = (a.ravel() for a in np.mgrid[0:height:stride, 0:width:stride])
    images: list[np.ndarray] = []
    per_chunk = max(CHUNK_SAMPLES // samples, 1)
    for view in range(frames.first_view[frame], frames.first_view[frame + 1]):
        time = float(frames.time[view])
        air = frames.weight[view] * np.exp(-flat_field(time))
        occupied = cells(time)
        for start in range(0, len(row), per_chunk):
            part = slice(start, start + per_chunk)
            middle = torch.full((len(row[part]), samples), 0.5, device=occupied.device)
            placed = place_samples(frames, np.full(len(middle), view), column[part] + 0.5, row[part] + 0.5, middle, occupied)()
            found = densities(placed.points, time)
            images = images or [np.zeros(len(row), np.float32) for _ in found]
            for image, density in zip(images, found, strict=True):
                image[part] += air * torch.exp(-placed.integral(density)).cpu().numpy()
    return [image.reshape(-(-height // stride), -(-width // stride)) for image in images]
