"""Adam (Kingma and Ba 2015, algorithm 1) in one pass over the memory.

An entry whose gradient is exactly zero is left alone, moments included: of a
hash table or a spline most entries are untouched by a batch, and skipping them
is most of the speed (tiny-cuda-nn's Adam does the same for hash tables).
"""

from __future__ import annotations

import math

import numba
import numpy as np
from torch import Tensor

from xct4d.kernels.dispatch import per_device

BETA1 = 0.9
BETA2 = 0.99
EPSILON = 1e-15


@numba.njit(parallel=True, fastmath=True, cache=True)
def _step(value, grad, first, second, rate, correction, epsilon):
    block = 4096
    count = value.shape[0]
    for b in numba.prange((count + block - 1) // block):
        for i in range(b * block, min(count, (b + 1) * block)):
            g = grad[i]
            if g != 0.0:
                m = np.float32(BETA1) * first[i] + np.float32(1 - BETA1) * g
                s = np.float32(BETA2) * second[i] + np.float32(1 - BETA2) * g * g
                first[i] = m
                second[i] = s
                value[i] -= rate * m / (math.sqrt(s) * correction + epsilon)


@per_device
def advance(value: Tensor, grad: Tensor, first: Tensor, second: Tensor, rate: float, correction: float) -> None:
    arrays = (tensor.numpy() for tensor in (value, grad, first, second))
    _step(*arrays, np.float32(rate), np.float32(correction), np.float32(EPSILON))


def adam_step(value: Tensor, grad: Tensor, first: Tensor, second: Tensor, *, rate: float, step: int) -> None:
    """One step in place. All tensors are flat float32 of one length; `step` counts from 1."""
    advance(value, grad, first, second, rate / (1 - BETA1**step), 1 / math.sqrt(1 - BETA2**step))
