"""Sums over segments of an array, such as the samples of each ray, which lie side by side in any number."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.kernels.cpu import segments as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["segment_sum"]


def _cuda():
    from xct4d.kernels.cuda import segments

    return segments


SEGMENT_SUM = Twins(cpu.segment_sum, lambda: _cuda().segment_sum)
SEGMENT_SUM_ADJOINT = Twins(cpu.segment_sum_adjoint, lambda: _cuda().segment_sum_adjoint)


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, start):
        ctx.save_for_backward(start)
        ctx.count = len(values)
        return SEGMENT_SUM(values.detach(), start)

    @staticmethod
    def backward(ctx, grad):
        (start,) = ctx.saved_tensors
        return SEGMENT_SUM_ADJOINT(grad.contiguous(), start, ctx.count), None


def segment_sum(
    values: Tensor,  # [N] float32
    start: Tensor,  # [R + 1] int64, rising from 0 to N: segment r is values[start[r] : start[r + 1]], which may be empty
) -> Tensor:  # [R] float32
    """Sum of each segment, 0 for an empty one; differentiable in the values."""
    return _SegmentSum.apply(values.contiguous(), start)
