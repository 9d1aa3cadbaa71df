"""The perceptron, on CPUs: both layers in one pass over the points.

The hidden layer of a whole batch is tens of megabytes: written to memory and
read back it would cost more than the arithmetic. So it is never stored, and the
adjoint computes it again. The weights of the inputs are stored [inputs, hidden]:
the innermost loops run over contiguous hidden neurons, and take four inputs (in
the adjoint four points) at once, as a sum that is written back after every
product waits for the memory.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba


@numba.njit(fastmath=True)
def hidden_layer(inputs, p, inner, z):
    """Write to z [H] the hidden layer of point p before its rectification: inputs[p] @ inner."""
    z[:] = np.float32(0.0)
    whole = inputs.shape[1] // 4 * 4
    for i in range(0, whole, 4):
        a, b, c, d = inputs[p, i], inputs[p, i + 1], inputs[p, i + 2], inputs[p, i + 3]
        for h in range(z.shape[0]):
            z[h] += a * inner[i, h] + b * inner[i + 1, h] + c * inner[i + 2, h] + d * inner[i + 3, h]
    for i in range(whole, inputs.shape[1]):
        for h in range(z.shape[0]):
            z[h] += inputs[p, i] * inner[i, h]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _perceptron(inputs, inner, outer, out):
    count, parts = inputs.shape[0], 64
    for c in numba.prange(parts):
        z = np.empty(inner.shape[1], np.float32)
        for p in range(c * count // parts, (c + 1) * count // parts):
            hidden_layer(inputs, p, inner, z)
            total = np.float32(0.0)
            for h in range(z.shape[0]):
                total += max(z[h], np.float32(0.0)) * outer[h]
            out[p] = total


@numba.njit(fastmath=True)
def four_points_adjoint(inputs, grad, p, count, inner, outer, z, own_inner, own_outer, inputs_grad):
    """Adjoint for the points p to p + 3, of which the first `count` exist.

    Adds to own_inner [I, H] and own_outer [H], writes the gradient of the
    inputs to inputs_grad [4, I], zero for points that do not exist. z: [4, H], for use in passing.
    """
    hidden, zero = z.shape[1], np.float32(0.0)
    for q in range(4):
        g = grad[p + q] if q < count else zero
        if g == 0.0:  # a ray that misses the box, a transparent sample
            z[q, :] = zero
            continue
        hidden_layer(inputs, p + q, inner, z[q])
        for h in range(hidden):
            active = max(z[q, h], zero)
            own_outer[h] += g * active
            z[q, h] = g * outer[h] if active > 0.0 else zero
    p1, p2, p3 = min(p + 1, p + count - 1), min(p + 2, p + count - 1), min(p + 3, p + count - 1)
    for i in range(inputs.shape[1]):
        a, b, c, d = inputs[p, i], inputs[p1, i], inputs[p2, i], inputs[p3, i]
        ra = rb = rc = rd = zero
        for h in range(hidden):
            w, za, zb, zc, zd = inner[i, h], z[0, h], z[1, h], z[2, h], z[3, h]
            ra += w * za
            rb += w * zb
            rc += w * zc
            rd += w * zd
            own_inner[i, h] += a * za + b * zb + c * zc + d * zd
        inputs_grad[0, i], inputs_grad[1, i], inputs_grad[2, i], inputs_grad[3, i] = ra, rb, rc, rd


@numba.njit(parallel=True, fastmath=True, cache=True)
def _perceptron_adjoint(inputs, inner, outer, grad, inputs_grad, inner_grad, outer_grad):
    # inner_grad, outer_grad: one array a thread, summed by the caller: no atomic additions, and the same sum every time
    count, parts = inputs.shape[0], inner_grad.shape[0]
    for c in numba.prange(parts):
        first, last = c * count // parts, (c + 1) * count // parts
        own_inner, own_outer = inner_grad[c], outer_grad[c]
        z, spare = np.empty((4, inner.shape[1]), np.float32), np.empty((4, inputs.shape[1]), np.float32)
        for p in range(first, last, 4):
            if p + 4 <= last:
                four_points_adjoint(inputs, grad, p, 4, inner, outer, z, own_inner, own_outer, inputs_grad[p : p + 4])
            else:
                four_points_adjoint(inputs, grad, p, last - p, inner, outer, z, own_inner, own_outer, spare)
                inputs_grad[p:last] = spare[: last - p]


class _Perceptron(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inputs, inner, outer):
        ctx.save_for_backward(inputs, inner, outer)
        out = torch.empty(len(inputs))
        _perceptron(*(t.detach().numpy() for t in (inputs, inner, outer, out)))
        return out

    @staticmethod
    def backward(ctx, grad):
        inputs, inner, outer = ctx.saved_tensors
        inputs_grad = torch.empty_like(inputs)
        parts = numba.get_num_threads()
        inner_grad, outer_grad = torch.zeros(parts, *inner.shape), torch.zeros(parts, *outer.shape)
        _perceptron_adjoint(*(t.detach().numpy() for t in (inputs, inner, outer, grad.contiguous(), inputs_grad, inner_grad, outer_grad)))
        return inputs_grad, inner_grad.sum(0), outer_grad.sum(0)


def perceptron(inputs: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """relu(inputs inner) outer, inputs [N, I], inner [I, H], outer [H]: [N]; differentiable in everything."""
    return _Perceptron.apply(inputs, inner, outer)
