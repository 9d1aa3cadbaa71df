"""Uniform cubic B-splines on the box: values, slopes and adjoints.

n control points per axis with spacing 2 / (n - 3), the first at -1 - spacing;
outside the box a spline keeps its value at the nearest face. Control points
are stored (z, y, x, component), so the four along x are contiguous. Places and
weights serve every kernel on splines; what is summed with them serves a thread
of a GPU, and for vector splines on CPUs there is kernels.rows.
"""

from __future__ import annotations

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device
from xct4d.kernels.scalar import accumulate, scalar


@scalar
def locate(x, n):
    """First of the four control points around coordinate x, the position in [0, 1] between
    the middle two, and d(position)/dx (zero outside the box)."""
    rate = np.float32(0.5) * np.float32(n - 3)
    p = (x + np.float32(1.0)) * rate
    top = np.float32(n - 3)
    if p <= np.float32(0.0):
        return 0, np.float32(0.0), np.float32(0.0)
    if p >= top:
        return n - 4, np.float32(1.0), np.float32(0.0)
    first = min(int(p), n - 4)
    return first, p - np.float32(first), rate


@scalar
def weights(f):
    """The four cubic B-spline basis values at position f between the middle control points."""
    g = np.float32(1.0) - f
    sixth = np.float32(1.0 / 6.0)
    ff, gg = f * f, g * g
    w0 = sixth * gg * g
    w3 = sixth * ff * f
    w1 = np.float32(2.0 / 3.0) - ff * (np.float32(1.0) - np.float32(0.5) * f)
    w2 = np.float32(2.0 / 3.0) - gg * (np.float32(1.0) - np.float32(0.5) * g)
    return w0, w1, w2, w3


@scalar
def slopes(f, rate):
    """Derivatives of `weights` by the coordinate."""
    g = np.float32(1.0) - f
    half = np.float32(0.5)
    d0 = -half * g * g
    d3 = half * f * f
    d1 = f * (np.float32(1.5) * f - np.float32(2.0))
    d2 = -g * (np.float32(1.5) * g - np.float32(2.0))
    return rate * d0, rate * d1, rate * d2, rate * d3


@scalar
def pick(four, index):
    a, b, c, d = four
    if index == 0:
        return a
    if index == 1:
        return b
    return c if index == 2 else d


@scalar
def vector_at(control, base, n, x, y, z):
    """A three-component spline at a point. control: flat; base: where its control points begin."""
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    x0 = x1 = x2 = x3 = np.float32(0.0)
    y0 = y1 = y2 = y3 = np.float32(0.0)
    z0 = z1 = z2 = z3 = np.float32(0.0)
    for dk in range(4):
        for dj in range(4):
            w = pick(wz, dk) * pick(wy, dj)
            o = np.uint64(base + 3 * (i + n * (j + dj + n * (k + dk))))
            x0 += w * control[o]
            y0 += w * control[o + np.uint64(1)]
            z0 += w * control[o + np.uint64(2)]
            x1 += w * control[o + np.uint64(3)]
            y1 += w * control[o + np.uint64(4)]
            z1 += w * control[o + np.uint64(5)]
            x2 += w * control[o + np.uint64(6)]
            y2 += w * control[o + np.uint64(7)]
            z2 += w * control[o + np.uint64(8)]
            x3 += w * control[o + np.uint64(9)]
            y3 += w * control[o + np.uint64(10)]
            z3 += w * control[o + np.uint64(11)]
    a, b, c, d = wx
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3, a * z0 + b * z1 + c * z2 + d * z3


@scalar
def vector_pull(control, base, n, x, y, z, gx, gy, gz):
    """The gradient of a point, for the cotangent (gx, gy, gz) of `vector_at`."""
    i, fx, rx = locate(x, n)
    j, fy, ry = locate(y, n)
    k, fz, rz = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    sx, sy, sz = slopes(fx, rx), slopes(fy, ry), slopes(fz, rz)
    a0, a1, a2, a3 = wx
    b0, b1, b2, b3 = sx
    px = py = pz = np.float32(0.0)
    for dk in range(4):
        wk, sk = pick(wz, dk), pick(sz, dk)
        for dj in range(4):
            wj, sj = pick(wy, dj), pick(sy, dj)
            o = np.uint64(base + 3 * (i + n * (j + dj + n * (k + dk))))
            c0 = gx * control[o] + gy * control[o + np.uint64(1)] + gz * control[o + np.uint64(2)]
            c1 = gx * control[o + np.uint64(3)] + gy * control[o + np.uint64(4)] + gz * control[o + np.uint64(5)]
            c2 = gx * control[o + np.uint64(6)] + gy * control[o + np.uint64(7)] + gz * control[o + np.uint64(8)]
            c3 = gx * control[o + np.uint64(9)] + gy * control[o + np.uint64(10)] + gz * control[o + np.uint64(11)]
            along = a0 * c0 + a1 * c1 + a2 * c2 + a3 * c3
            px += wk * wj * (b0 * c0 + b1 * c1 + b2 * c2 + b3 * c3)
            py += wk * sj * along
            pz += sk * wj * along
    return px, py, pz


@scalar
def scalar_at(control, n, x, y, z):
    """A one-component spline at a point. control: [n^3] flat."""
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    total = np.float32(0.0)
    for dk in range(4):
        for dj in range(4):
            o = np.uint64(i + n * (j + dj + n * (k + dk)))
            along = np.float32(0.0)
            for di in range(4):
                along += pick(wx, di) * control[o + np.uint64(di)]
            total += pick(wz, dk) * pick(wy, dj) * along
    return total


@scalar
def scalar_adjoint(n, x, y, z, g, out):
    """Adjoint of `scalar_at` for the cotangent g: adds to the control points' gradient `out`."""
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    for dk in range(4):
        for dj in range(4):
            w = g * pick(wz, dk) * pick(wy, dj)
            o = np.uint64(i + n * (j + dj + n * (k + dk)))
            for di in range(4):
                accumulate(out, o + np.uint64(di), w * pick(wx, di))


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample(control, n, points, out):
    for p in numba.prange(points.shape[0]):
        out[p] = scalar_at(control, n, points[p, 0], points[p, 1], points[p, 2])


@numba.njit(parallel=True, fastmath=True, cache=True)
def _sample_adjoint(n, points, grad, out):
    parts, count = out.shape[0], points.shape[0]
    for c in numba.prange(parts):
        mine = out[c]
        for p in range(c * count // parts, (c + 1) * count // parts):
            g = grad[p]
            if g != 0.0:
                scalar_adjoint(n, points[p, 0], points[p, 1], points[p, 2], g, mine)


@per_device
def sampled(control: Tensor, points: Tensor) -> Tensor:
    out = torch.empty(len(points))
    _sample(control.reshape(-1).numpy(), control.shape[0], points.numpy(), out.numpy())
    return out


@per_device
def sampled_adjoint(grad: Tensor, points: Tensor, n: int) -> Tensor:
    parts = torch.zeros(numba.get_num_threads(), n**3)
    _sample_adjoint(n, points.numpy(), grad.numpy(), parts.numpy())
    return parts.sum(0).reshape(n, n, n)


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control, points):
        ctx.save_for_backward(points)
        ctx.n = control.shape[0]
        return sampled(control.detach(), points)

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        return sampled_adjoint(grad.contiguous(), points, ctx.n), None


def sample(
    control: Tensor,  # [n, n, n] float32 (z, y, x)
    points: Tensor,  # [N, 3] float32 (x, y, z)
) -> Tensor:  # [N] float32
    """A scalar spline at points; differentiable in the control points, not in the points."""
    return _Sample.apply(control, points.contiguous())


def basis(n: int, x: np.ndarray) -> np.ndarray:
    """Weights of n control points on [-1, 1] at coordinates x [N]: [N, n] float64, rows sum to 1."""
    p = np.clip((np.asarray(x, np.float64) + 1) * 0.5 * (n - 3), 0, n - 3)
    first = np.minimum(p.astype(int), n - 4)
    f = p - first
    four = np.stack([(1 - f) ** 3 / 6, 2 / 3 - f**2 + f**3 / 2, 2 / 3 - (1 - f) ** 2 + (1 - f) ** 3 / 2, f**3 / 6], -1)
    out = np.zeros((len(p), n))
    np.put_along_axis(out, first[:, None] + np.arange(4), four, -1)
    return out


def refinement(coarse: int, fine: int) -> np.ndarray:
    """Matrix [fine, coarse] that carries control points of one axis to a finer axis.

    fine = 2 coarse - 3 halves every interval, and the matrix is the cubic
    B-spline's two-scale relation (1, 4, 6, 4, 1) / 8: the spline stays the same
    (de Boor 1978, ch. XI). Any other ratio is fitted by least squares over
    points of both meshes.
    """
    if fine == 2 * coarse - 3:
        matrix = np.zeros((fine, coarse))
        for c in range(coarse):
            # Coarse control point c sits where fine control point 2c - 1 sits.
            for shift, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
                if 0 <= (f := 2 * c - 1 + shift) < fine:
                    matrix[f, c] = weight / 8
        return matrix
    x = np.linspace(-1, 1, 8 * max(coarse, fine))
    return np.linalg.lstsq(basis(fine, x), basis(coarse, x), rcond=None)[0]


def bending_matrices(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gram matrices [n, n] over [-1, 1] of the basis, its first and its second derivatives.

    With them the bending energy of a spline, the integral of all squared second
    derivatives, is a closed form in the control points. Gauss-Legendre
    quadrature with four nodes per interval integrates the products exactly.
    """
    node, weight = np.polynomial.legendre.leggauss(4)
    rate = 0.5 * (n - 3)
    f = 0.5 * (node + 1)
    g = 1 - f
    value = np.stack([g**3 / 6, 2 / 3 - f**2 + f**3 / 2, 2 / 3 - g**2 + g**3 / 2, f**3 / 6])
    first = rate * np.stack([-(g**2) / 2, f * (1.5 * f - 2), -g * (1.5 * g - 2), f**2 / 2])
    second = rate**2 * np.stack([g, 3 * f - 2, 3 * g - 2, f])
    grams = []
    for d in (value, first, second):
        local = (d * weight) @ d.T / (2 * rate)
        gram = np.zeros((n, n))
        for i in range(n - 3):
            gram[i : i + 4, i : i + 4] += local
        grams.append(gram)
    return tuple(grams)
