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
SAMPLE_ADJOINT = Twins(cpu.sample_adjoint, lambda: _cuda().sample_adjoint)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, volume, points):
        of_volume, of_points = ctx.needs_input_grad
        out, gradient = SAMPLE(volume.detach(), points.detach(), of_points)
        ctx.n = len(volume)
        ctx.save_for_backward(gradient, points.detach() if of_volume else gradient)
        return out

    @staticmethod
    def backward(ctx, grad):
        gradient, points = ctx.saved_tensors
        of_volume, of_points = ctx.needs_input_grad
        grad = grad.contiguous()
        return SAMPLE_ADJOINT(grad, points, ctx.n) if of_volume else None, grad[:, None] * gradient if of_points else None


def sample(
    volume: Tensor,  # [n, n, n] (z, y, x) float32; on CUDA devices also float16, then without a gradient
    points: Tensor,  # [N, 3] float32 (x, y, z), world units
) -> Tensor:  # [N] float32
    """Values of a volume at points, zero outside the box; differentiable in the points and in the volume."""
    return _Sample.apply(volume.contiguous(), points.contiguous())
