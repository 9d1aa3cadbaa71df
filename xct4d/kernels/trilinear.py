"""Trilinear interpolation of a volume on the box [-1, 1]^3.

Voxel centres are at -1 + (i + 0.5) 2 / n; between the outermost centres and
the faces of the box the value is that of the nearest voxel, outside the box zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.kernels.cpu import trilinear as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["sample"]


def _cuda():
    from xct4d.kernels.cuda import trilinear

    return trilinear


SAMPLE = Twins(cpu.sample, lambda: _cuda().sample)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, volume, points):
        out, gradient = SAMPLE(volume, points.detach(), ctx.needs_input_grad[1])
        ctx.save_for_backward(gradient)
        return out

    @staticmethod
    def backward(ctx, grad):
        (gradient,) = ctx.saved_tensors
        return None, grad[:, None] * gradient


def sample(
    volume: Tensor,  # [n, n, n] (z, y, x) float32; on CUDA devices also float16
    points: Tensor,  # [N, 3] float32 (x, y, z), world units
) -> Tensor:  # [N] float32
    """Values of a volume at points, zero outside the box; differentiable in the points, not in the volume."""
    return _Sample.apply(volume, points.contiguous())
