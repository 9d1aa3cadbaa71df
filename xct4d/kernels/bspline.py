"""Uniform cubic B-splines on the box [-1, 1]^3: values at points, and the matrices of one axis.

n control points per axis with spacing 2 / (n - 3), the first at -1 - spacing;
outside the box a spline keeps its value at the nearest face.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.kernels.cpu import bspline as cpu
from xct4d.kernels.dispatch import Twins
from xct4d.kernels.shared.bspline_matrices import basis, bending_matrices, refinement

__all__ = ["basis", "bending_matrices", "refinement", "sample"]


def _cuda():
    from xct4d.kernels.cuda import bspline

    return bspline


SAMPLE = Twins(cpu.sample, lambda: _cuda().sample)
SAMPLE_ADJOINT = Twins(cpu.sample_adjoint, lambda: _cuda().sample_adjoint)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control, points):
        ctx.save_for_backward(points)
        ctx.n = control.shape[0]
        return SAMPLE(control.detach(), points)

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        return SAMPLE_ADJOINT(grad.contiguous(), points, ctx.n), None


def sample(
    control: Tensor,  # [n, n, n] float32 (z, y, x)
    points: Tensor,  # [N, 3] float32 (x, y, z), world units
) -> Tensor:  # [N] float32
    """Values of a scalar spline at points; differentiable in the control points, not in the points."""
    return _Sample.apply(control, points.contiguous())
