"""Sums over stretches of an array: the samples of a ray lie side by side, each ray with its own number."""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sum(values, start, out):
    for r in numba.prange(out.shape[0]):
        total = np.float32(0.0)
        for i in range(start[r], start[r + 1]):
            total += values[i]
        out[r] = total


@numba.njit(parallel=True, fastmath=True, cache=True)
def _spread(grad, start, out):
    for r in numba.prange(grad.shape[0]):
        for i in range(start[r], start[r + 1]):
            out[i] = grad[r]


@per_device
def summed(values: Tensor, start: Tensor) -> Tensor:
    out = torch.empty(len(start) - 1)
    _sum(values.numpy(), start.numpy(), out.numpy())
    return out


@per_device
def summed_adjoint(grad: Tensor, start: Tensor, count: int) -> Tensor:
    out = torch.empty(count)
    _spread(grad.numpy(), start.numpy(), out.numpy())
    return out


class _SegmentSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, start):
        ctx.save_for_backward(start)
        ctx.count = len(values)
        return summed(values.detach(), start)

    @staticmethod
    def backward(ctx, grad):
        (start,) = ctx.saved_tensors
        return summed_adjoint(grad.contiguous(), start, ctx.count), None


def segment_sum(
    values: Tensor,  # [N] float32
    start: Tensor,  # [R + 1] int64, rising from 0 to N
) -> Tensor:  # [R] float32: sum of values[start[r] : start[r + 1]]
    """Sums of stretches; differentiable in the values."""
    return _SegmentSum.apply(values.contiguous(), start)
