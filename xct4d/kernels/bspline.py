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

__all__ = ["basis", "bending_matrices", "refinement", "sample", "sample_vector_with_gradient"]


def _cuda():
    from xct4d.kernels.cuda import bspline

    return bspline


SAMPLE = Twins(cpu.sample, lambda: _cuda().sample)
SAMPLE_ADJOINT = Twins(cpu.sample_adjoint, lambda: _cuda().sample_adjoint)
SAMPLE_VECTOR_WITH_GRADIENT = Twins(cpu.sample_vector_with_gradient, lambda: _cuda().sample_vector_with_gradient)


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


@torch.no_grad()
def sample_vector_with_gradient(
    control: Tensor,  # [n, n, n, 3] float32 (z, y, x, component)
    points: Tensor,  # [N, 3] float32 (x, y, z), world units
) -> tuple[Tensor, Tensor]:  # [N, 3] float32, [N, 3, 3] float32
    """Values v of a vector spline at points, and its gradient there: gradient[p, i, j] = dv_i / dx_j.

    The derivatives of the spline itself, not differences; zero along an axis
    along which a point lies outside the box. Neither result is differentiable.
    """
    return SAMPLE_VECTOR_WITH_GRADIENT(control.contiguous(), points.contiguous())
