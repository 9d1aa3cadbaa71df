"""Total variation denoising, on CPUs: threads take slices."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba

LARGEST = 12.0  # bound of the squared norm of the gradient in three dimensions (Chambolle 2004)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _primal(volume, dual, weight, out):
    n = volume.shape[0]
    for first in numba.prange(n):
        k = np.int64(first)
        for j in range(n):
            for i in range(n):
                divergence = dual[0, k, j, i] + dual[1, k, j, i] + dual[2, k, j, i]
                if k > 0:
                    divergence -= dual[0, k - 1, j, i]
                if j > 0:
                    divergence -= dual[1, k, j - 1, i]
                if i > 0:
                    divergence -= dual[2, k, j, i - 1]
                out[k, j, i] = max(volume[k, j, i] + weight * divergence, np.float32(0))


@numba.njit(parallel=True, fastmath=True, cache=True)
def _ascend(primal, rate, dual):
    n = primal.shape[0]
    for first in numba.prange(n):
        k = np.int64(first)
        above = min(k + 1, n - 1)
        for j in range(n):
            beside = min(j + 1, n - 1)
            for i in range(n):
                here = primal[k, j, i]
                a = dual[0, k, j, i] + rate * (primal[above, j, i] - here)
                b = dual[1, k, j, i] + rate * (primal[k, beside, i] - here)
                c = dual[2, k, j, i] + rate * (primal[k, j, min(i + 1, n - 1)] - here)
                scale = np.float32(1) / max(np.float32(1), math.sqrt(a * a + b * b + c * c))
                dual[0, k, j, i], dual[1, k, j, i], dual[2, k, j, i] = a * scale, b * scale, c * scale


def denoise(volume: Tensor, dual: Tensor, weight: float, steps: int) -> Tensor:
    """Denoised volume [n, n, n] from a volume [n, n, n] and the dual [3, n, n, n], changed in place."""
    out = torch.empty_like(volume)
    for step in range(steps + 1):
        if step > 0:
            _ascend(out.numpy(), np.float32(1 / (LARGEST * weight)), dual.numpy())
        _primal(volume.numpy(), dual.numpy(), np.float32(weight), out.numpy())
    return out
