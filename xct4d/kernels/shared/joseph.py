"""Joseph's line integrals in plain torch, for any pose of a camera and any device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from xct4d.geometry.views import Views

SAMPLES = 2**23  # samples of rays computed at once


def _rays(views: Views, view: int) -> tuple[np.ndarray, np.ndarray]:
    """Source [3] and directions [w h, 3] of a view's pixels, of length one along the optical axis."""
    pose, (width, height) = views.camera_to_world[view], views.size[view]
    a = (np.arange(width) + 0.5 - views.centre[view, 0]) / views.focal[view, 0]
    b = -(np.arange(height) + 0.5 - views.centre[view, 1]) / views.focal[view, 1]
    a, b = np.meshgrid(a, b, indexing="ij")
    return pose[:, 3], (np.stack([a, b, -np.ones_like(a)], -1) @ pose[:, :3].T).reshape(-1, 3)


def _part(volume: Tensor, source: Tensor, directions: Tensor) -> Tensor:
    """Integrals [R] along rays from one source [3] with directions [R, 3]."""
    n = len(volume)
    along = directions.abs().argmax(1, keepdim=True)
    step = directions.gather(1, along)
    slices = (torch.arange(n, device=volume.device) + 0.5) * (2 / n) - 1
    distance = (slices[None] - source[along]) / step  # [R, n]
    points = source + distance[..., None] * directions[:, None]
    values = grid_sample(
        volume.permute(2, 0, 1)[None, None], points[None, None].to(volume.dtype), padding_mode="zeros", align_corners=False
    )
    return values[0, 0, 0].sum(1) * (directions.norm(dim=1) / step[:, 0].abs() * (2 / n)).to(volume.dtype)


def line_integrals(volume: Tensor, views: Views, view: int) -> Tensor:
    """Line integrals [w, h] along the rays of one view; differentiable in the volume [n, n, n] (y, x, z)."""
    source, directions = (torch.from_numpy(array).to(volume.device) for array in _rays(views, view))
    parts = directions.split(max(SAMPLES // len(volume), 1))
    return torch.cat([_part(volume, source, part) for part in parts]).reshape(*(int(size) for size in views.size[view]))


def within(span: Tensor) -> Tensor:
    """Which voxels lie in the span [2, n, n]: [n, n, n] bool (y, x, z)."""
    z = torch.arange(span.shape[1], device=span.device)
    return (z >= span[0][..., None]) & (z < span[1][..., None])


@torch.no_grad()
def project(volume: Tensor, span: Tensor, views: Views) -> Tensor:
    """As kernels.projector.project."""
    volume = volume * within(span)
    return torch.stack([line_integrals(volume, views, view) for view in range(len(views))])


@torch.enable_grad()
def back_project(images: Tensor, span: Tensor, views: Views) -> Tensor:
    """As kernels.projector.back_project, by automatic differentiation, view by view."""
    total = torch.zeros(*(3 * [span.shape[1]]), device=images.device)
    for view in range(len(views)):
        volume = torch.zeros_like(total, requires_grad=True)
        total += torch.autograd.grad(line_integrals(volume, views, view), volume, images[view])[0]
    return total * within(span)
