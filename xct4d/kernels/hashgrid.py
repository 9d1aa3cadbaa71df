"""Multiresolution hash encoding (Mueller et al., ACM TOG 41(4), 2022, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.kernels.cpu import hashgrid as cpu
from xct4d.kernels.dispatch import Twins
from xct4d.kernels.shared.hash_layout import FEATURES, HashLayout

__all__ = ["FEATURES", "HashLayout", "encode"]


def _cuda():
    from xct4d.kernels.cuda import hashgrid

    return hashgrid


ENCODE = Twins(cpu.encode, lambda: _cuda().encode)
ENCODE_ADJOINT = Twins(cpu.encode_adjoint, lambda: _cuda().encode_adjoint)


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, points, layout):
        ctx.layout = layout
        ctx.save_for_backward(points)
        return ENCODE(table.detach(), points, layout)

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        return ENCODE_ADJOINT(grad.contiguous(), points, ctx.layout), None, None


def encode(
    table: Tensor,  # [layout.entries, 2] float32
    points: Tensor,  # [N, 3] float32 (x, y, z), world units; clamped to [-1, 1]
    layout: HashLayout,
) -> Tensor:  # [N, layout.width] float32: the two features of the first level, of the second, ...
    """Features of points: on each level trilinear interpolation between the entries of the nodes around a point.

    Differentiable in the table, not in the points.
    """
    return _Encode.apply(table, points.contiguous(), layout)
