"""One step of Adam, on CPUs: threads take blocks of entries."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.adam import BETA1, BETA2, EPSILON


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


def step(value: Tensor, grad: Tensor, first: Tensor, second: Tensor, rate: float, correction: float) -> None:
    """value -= rate m / (sqrt(s) correction + EPSILON) in place, with the moments m (`first`) and s (`second`) updated by grad.

    All tensors [N]; entries whose gradient is zero stay as they are.
    """
    arrays = (tensor.numpy() for tensor in (value, grad, first, second))
    _step(*arrays, np.float32(rate), np.float32(correction), np.float32(EPSILON))
