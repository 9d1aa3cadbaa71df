"""A perceptron with one hidden layer, one output and no biases.

Fused, because a hidden layer of a whole batch is tens of megabytes: written out
and read back it costs more than the arithmetic. The adjoint computes it again.
The input weights are stored [inputs, hidden]: the innermost loops run over
contiguous hidden neurons.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor


@numba.njit(fastmath=True)
def hidden_layer(rows, p, inner, z):
    """Inputs of the hidden neurons for row p, before rectification, into z."""
    z[:] = np.float32(0.0)
    for i in range(rows.shape[1]):
        x = rows[p, i]
        for h in range(z.shape[0]):
            z[h] += x * inner[i, h]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _perceptron(rows, inner, outer, out):
    count, parts = rows.shape[0], 64
    for c in numba.prange(parts):
        z = np.empty(inner.shape[1], np.float32)
        for p in range(c * count // parts, (c + 1) * count // parts):
            hidden_layer(rows, p, inner, z)
            total = np.float32(0.0)
            for h in range(z.shape[0]):
                total += max(z[h], np.float32(0.0)) * outer[h]
            out[p] = total


@numba.njit(parallel=True, fastmath=True, cache=True)
def _perceptron_adjoint(rows, inner, outer, grad, rows_grad, inner_grad, outer_grad):
    # inner_grad, outer_grad: one buffer a thread, so that the sum is the same every time.
    count, parts = rows.shape[0], inner_grad.shape[0]
    for c in numba.prange(parts):
        z = np.empty(inner.shape[1], np.float32)
        mine, mine_outer = inner_grad[c], outer_grad[c]
        for p in range(c * count // parts, (c + 1) * count // parts):
            g = grad[p]
            if g == 0.0:  # a ray that misses the box, a transparent sample
                rows_grad[p, :] = np.float32(0.0)
                continue
            hidden_layer(rows, p, inner, z)
            for h in range(z.shape[0]):
                active = max(z[h], np.float32(0.0))
                mine_outer[h] += g * active
                z[h] = g * outer[h] if active > 0.0 else np.float32(0.0)
            for i in range(rows.shape[1]):
                x, total = rows[p, i], np.float32(0.0)
                for h in range(z.shape[0]):
                    total += inner[i, h] * z[h]
                    mine[i, h] += x * z[h]
                rows_grad[p, i] = total


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, inner, outer):
        ctx.save_for_backward(rows, inner, outer)
        out = torch.empty(len(rows))
        _perceptron(*(t.detach().numpy() for t in (rows, inner, outer, out)))
        return out

    @staticmethod
    def backward(ctx, grad):
        rows, inner, outer = ctx.saved_tensors
        rows_grad = torch.empty_like(rows)
        parts = numba.get_num_threads()
        inner_grad, outer_grad = torch.zeros(parts, *inner.shape), torch.zeros(parts, *outer.shape)
        _perceptron_adjoint(*(t.detach().numpy() for t in (rows, inner, outer, grad.contiguous(), rows_grad, inner_grad, outer_grad)))
        return rows_grad, inner_grad.sum(0), outer_grad.sum(0)


def perceptron(
    rows: Tensor,  # [N, I] float32
    inner: Tensor,  # [I, H] float32
    outer: Tensor,  # [H] float32
) -> Tensor:  # [N] float32
    """relu(rows inner) outer; differentiable in everything."""
    return _Perceptron.apply(rows.contiguous(), inner, outer)
