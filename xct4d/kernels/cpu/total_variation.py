"""Total variation denoising, on CPUs: threads take slices."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.rof import LARGEST


@numba.njit(parallel=True, fastmath=True, cache=True)
def _primal(volume, dual, low, high, weight, out):
    n = volume.shape[0]
    for slice_ in numba.prange(n):
        j = np.int64(slice_)
        for i in range(n):
            for k in range(low[j, i], high[j, i]):
                divergence = dual[0, j, i, k] + dual[1, j, i, k] + dual[2, j, i, k]
                if j > 0:
                    divergence -= dual[0, j - 1, i, k]
                if i > 0:
                    divergence -= dual[1, j, i - 1, k]
                if k > 0:
                    divergence -= dual[2, j, i, k - 1]
                out[j, i, k] = max(volume[j, i, k] + weight * divergence, np.float32(0))


@numba.njit(parallel=True, fastmath=True, cache=True)
def _ascend(primal, low, high, rate, dual):
    n = primal.shape[0]
    for slice_ in numba.prange(n):
        j = np.int64(slice_)
        above = min(j + 1, n - 1)
        for i in range(n):
            beside = min(i + 1, n - 1)
            for k in range(low[j, i], high[j, i]):
                here = primal[j, i, k]
                a = dual[0, j, i, k] + rate * (primal[above, i, k] - here)
                b = dual[1, j, i, k] + rate * (primal[j, beside, k] - here)
                c = dual[2, j, i, k] + rate * (primal[j, i, min(k + 1, n - 1)] - here)
                scale = np.float32(1) / max(np.float32(1), math.sqrt(a * a + b * b + c * c))
                dual[0, j, i, k], dual[1, j, i, k], dual[2, j, i, k] = a * scale, b * scale, c * scale


def denoise(volume: Tensor, dual: Tensor, span: Tensor, weight: float, steps: int) -> Tensor:
    """Denoised volume [n, n, n] from a volume [n, n, n], the dual [3, n, n, n], changed in place, and the span [2, n, n]."""
    out, (low, high) = torch.zeros_like(volume), span.numpy()
    for step in range(steps + 1):
        if step > 0:
            _ascend(out.numpy(), low, high, np.float32(1 / (LARGEST * weight)), dual.numpy())
        _primal(volume.numpy(), dual.numpy(), low, high, np.float32(weight), out.numpy())
    return out
