"""A perceptron with one hidden layer, one output and no biases.

Fused, because a hidden layer of a whole batch is tens of megabytes: written out
and read back it costs more than the arithmetic. The adjoint computes it again.
The input weights are stored [inputs, hidden]: the innermost loops run over
contiguous hidden neurons, and take four inputs (or, in the adjoint, four rows)
at once, as a sum written back after every product waits for the memory.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device


@numba.njit(fastmath=True)
def hidden_layer(rows, p, inner, z):
    """Inputs of the hidden neurons for row p, before rectification, into z."""
    z[:] = np.float32(0.0)
    whole = rows.shape[1] // 4 * 4
    for i in range(0, whole, 4):
        a, b, c, d = rows[p, i], rows[p, i + 1], rows[p, i + 2], rows[p, i + 3]
        for h in range(z.shape[0]):
            z[h] += a * inner[i, h] + b * inner[i + 1, h] + c * inner[i + 2, h] + d * inner[i + 3, h]
    for i in range(whole, rows.shape[1]):
        for h in range(z.shape[0]):
            z[h] += rows[p, i] * inner[i, h]


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


@numba.njit(fastmath=True)
def four_rows(rows, grad, p, count, inner, outer, z, mine, mine_outer, rows_grad):
    """Adjoint for rows p to p + 3, of which the first `count` exist; rows_grad: [4, inputs], those of the others are zero."""
    hidden, zero = z.shape[1], np.float32(0.0)
    for q in range(4):
        g = grad[p + q] if q < count else zero
        if g == 0.0:  # a ray that misses the box, a transparent sample
            z[q, :] = zero
            continue
        hidden_layer(rows, p + q, inner, z[q])
        for h in range(hidden):
            active = max(z[q, h], zero)
            mine_outer[h] += g * active
            z[q, h] = g * outer[h] if active > 0.0 else zero
    p1, p2, p3 = min(p + 1, p + count - 1), min(p + 2, p + count - 1), min(p + 3, p + count - 1)
    for i in range(rows.shape[1]):
        a, b, c, d = rows[p, i], rows[p1, i], rows[p2, i], rows[p3, i]
        ra = rb = rc = rd = zero
        for h in range(hidden):
            w, za, zb, zc, zd = inner[i, h], z[0, h], z[1, h], z[2, h], z[3, h]
            ra += w * za
            rb += w * zb
            rc += w * zc
            rd += w * zd
            mine[i, h] += a * za + b * zb + c * zc + d * zd
        rows_grad[0, i], rows_grad[1, i], rows_grad[2, i], rows_grad[3, i] = ra, rb, rc, rd


@numba.njit(parallel=True, fastmath=True, cache=True)
def _perceptron_adjoint(rows, inner, outer, grad, rows_grad, inner_grad, outer_grad):
    # inner_grad, outer_grad: one buffer a thread, so that the sum is the same every time.
    count, parts = rows.shape[0], inner_grad.shape[0]
    for c in numba.prange(parts):
        first, last = c * count // parts, (c + 1) * count // parts
        mine, mine_outer = inner_grad[c], outer_grad[c]
        z, spare = np.empty((4, inner.shape[1]), np.float32), np.empty((4, rows.shape[1]), np.float32)
        for p in range(first, last, 4):
            if p + 4 <= last:
                four_rows(rows, grad, p, 4, inner, outer, z, mine, mine_outer, rows_grad[p : p + 4])
            else:
                four_rows(rows, grad, p, last - p, inner, outer, z, mine, mine_outer, spare)
                rows_grad[p:last] = spare[: last - p]


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


@per_device
def perceptron(
    rows: Tensor,  # [N, I] float32
    inner: Tensor,  # [I, H] float32
    outer: Tensor,  # [H] float32
) -> Tensor:  # [N] float32
    """relu(rows inner) outer; differentiable in everything."""
    return _Perceptron.apply(rows.contiguous(), inner, outer)
