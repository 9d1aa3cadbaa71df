"""Sums over segments of an array, on CUDA devices: a warp for each segment."""

from __future__ import annotations

import numba
import numpy as np
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import WARP, kernel, launch


@kernel
def _sum(values, start, out):
    partial = cuda.shared.array(WARP, numba.float32)
    r, t = cuda.blockIdx.x, cuda.threadIdx.x
    total = np.float32(0.0)
    for i in range(start[r] + t, start[r + 1], WARP):
        total += values[i]
    partial[t] = total
    cuda.syncthreads()
    if t == 0:
        for other in range(1, WARP):
            total += partial[other]
        out[r] = total


@kernel
def _broadcast(grad, start, out):
    r = cuda.blockIdx.x
    for i in range(start[r] + cuda.threadIdx.x, start[r + 1], WARP):
        out[i] = grad[r]


def segment_sum(values: Tensor, start: Tensor) -> Tensor:
    """As cpu.segments.segment_sum."""
    out = values.new_empty(len(start) - 1)
    launch(_sum, (len(out),), WARP, values, start, out)
    return out


def segment_sum_adjoint(grad: Tensor, start: Tensor, count: int) -> Tensor:
    """As cpu.segments.segment_sum_adjoint."""
    out = grad.new_empty(count)
    launch(_broadcast, (len(grad),), WARP, grad, start, out)
    return out
