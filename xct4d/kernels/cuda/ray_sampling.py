"""Stratified samples along rays, on CUDA devices: a thread for each part of each ray."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numba import cuda
from torch import Tensor

from xct4d.device import Fetched
from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.occupancy import nearest_cell_is_occupied
from xct4d.kernels.shared.scalar import scalar


@scalar
def sample_of(rays, jitter, i):
    """Sample x, y, z in part i, counted through the parts of all rays, and whether its ray meets the box."""
    parts = jitter.shape[1]
    r, s = i // parts, i % parts
    near, far = rays[r, 6], rays[r, 7]
    d = near + (np.float32(s) + jitter[r, s]) * ((far - near) / np.float32(parts))
    return rays[r, 0] + d * rays[r, 3], rays[r, 1] + d * rays[r, 4], rays[r, 2] + d * rays[r, 5], far > near


@kernel
def _choose(rays, jitter, cells, chosen):
    i = cuda.grid(1)
    if i < chosen.shape[0]:
        x, y, z, meets = sample_of(rays, jitter, i)
        chosen[i] = meets and nearest_cell_is_occupied(cells, x, y, z)


@kernel
def _place(rays, jitter, chosen, ordinal, points):
    # ordinal: of each chosen sample among the chosen ones, from 1
    i = cuda.grid(1)
    if i < chosen.shape[0] and chosen[i]:
        x, y, z, _ = sample_of(rays, jitter, i)
        q = ordinal[i] - 1
        points[q, 0], points[q, 1], points[q, 2] = x, y, z


def stratified_samples(cells: Tensor, rays: Tensor, jitter: Tensor) -> Callable[[], tuple[Tensor, Tensor, Tensor]]:
    """As the function of this name in kernels.ray_sampling; the points are written once they are asked for."""
    count, parts = jitter.shape
    chosen = cells.new_empty(count * parts)
    each(_choose, len(chosen), rays, jitter, cells, chosen)
    ordinal = torch.cumsum(chosen, 0)
    start = torch.nn.functional.pad(ordinal.view(count, parts)[:, -1], (1, 0))
    total = Fetched(start[-1])

    def samples() -> tuple[Tensor, Tensor, Tensor]:
        points = rays.new_empty(int(total.read()), 3)
        each(_place, len(chosen), rays, jitter, chosen, ordinal, points)
        return points, start, (rays[:, 7] - rays[:, 6]) / parts

    return samples
