"""Total variation denoising in plain torch, for any device."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.kernels.shared.joseph import within

LARGEST = 12.0  # bound of the squared norm of the gradient in three dimensions (Chambolle 2004)


def divergence(dual: Tensor) -> Tensor:  # [3, n, n, n] -> [n, n, n]
    """Minus the transpose of forward differences, zero past the last voxel."""
    total = dual.sum(0)
    total[1:] -= dual[0, :-1]
    total[:, 1:] -= dual[1, :, :-1]
    total[:, :, 1:] -= dual[2, :, :, :-1]
    return total


@torch.no_grad()
def denoise(volume: Tensor, dual: Tensor, span: Tensor, weight: float, steps: int) -> Tensor:
    """As kernels.total_variation.denoise."""
    inside = within(span)
    for _ in range(steps):
        u = (volume + weight * divergence(dual)).clamp_min(0) * inside
        for axis in range(3):
            dual[axis] += torch.diff(u, dim=axis, append=u.narrow(axis, len(u) - 1, 1)) * inside / (LARGEST * weight)
        dual /= dual.norm(dim=0).clamp_min(1)
    return (volume + weight * divergence(dual)).clamp_min(0) * inside
