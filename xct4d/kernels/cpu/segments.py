"""Sums over segments of an array, on CPUs: threads take segments."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sum(values, start, out):
    for r in numba.prange(out.shape[0]):
        total = np.float32(0.0)
        for i in range(start[r], start[r + 1]):
            total += values[i]
        out[r] = total


@numba.njit(parallel=True, fastmath=True, cache=True)
def _broadcast(grad, start, out):
    for r in numba.prange(grad.shape[0]):
        for i in range(start[r], start[r + 1]):
            out[i] = grad[r]


def segment_sum(values: Tensor, start: Tensor) -> Tensor:
    """Sums of values[start[r] : start[r + 1]], values [N], start [R + 1] int64: [R]."""
    out = torch.empty(len(start) - 1)
    _sum(values.numpy(), start.numpy(), out.numpy())
    return out


def segment_sum_adjoint(grad: Tensor, start: Tensor, count: int) -> Tensor:
    """Gradient [count] of the values for the cotangent [R] of the sums: every value gets that of its segment."""
    out = torch.empty(count)
    _broadcast(grad.numpy(), start.numpy(), out.numpy())
    return out
