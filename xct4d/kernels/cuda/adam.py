"""One step of Adam, on CUDA devices: a thread for each entry."""

from __future__ import annotations

import math

import numpy as np
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.shared.adam import BETA1, BETA2, EPSILON


@kernel
def _step(value, grad, first, second, rate, correction, epsilon):
    i = cuda.grid(1)
    if i < value.shape[0] and grad[i] != np.float32(0.0):
        g = grad[i]
        m = np.float32(BETA1) * first[i] + np.float32(1 - BETA1) * g
        s = np.float32(BETA2) * second[i] + np.float32(1 - BETA2) * g * g
        first[i] = m
        second[i] = s
        value[i] -= rate * m / (math.sqrt(s) * correction + epsilon)


def step(value: Tensor, grad: Tensor, first: Tensor, second: Tensor, rate: float, correction: float) -> None:
    """As cpu.adam.step."""
    each(_step, len(value), value, grad, first, second, np.float32(rate), np.float32(correction), np.float32(EPSILON))
