"""Uniform cubic B-splines on the box [-1, 1]^3, at one point: device functions.

n control points per axis with spacing 2 / (n - 3), the first at -1 - spacing;
outside the box a spline keeps its value at the nearest face. Control points are
stored (z, y, x, component), so that the four along x that act at a point lie
side by side. The functions of vector splines serve one thread of a GPU; on CPUs
kernels.cpu.rows computes the same with vector instructions.
"""

from __future__ import annotations

import numpy as np

from xct4d.kernels.shared.scalar import accumulate, scalar


@scalar
def locate(x, n):
    """Index of the first of the four control points that act at coordinate x, position, and its derivative.

    The position of x between the middle two control points is in [0, 1];
    d(position)/dx is zero outside the box.
    """
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
    """Values of the four cubic B-splines at position f in [0, 1] between the middle two control points."""
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
def select(four, index):
    """four[index] of a tuple, by comparisons: a GPU has no registers that can be indexed."""
    a, b, c, d = four
    if index == 0:
        return a
    if index == 1:
        return b
    return c if index == 2 else d


@scalar
def vector_at(control, base, n, x, y, z):
    """Value (v0, v1, v2) of a vector spline at a point.

    control: flat array; this spline's n^3 x 3 numbers begin at index `base`.
    """
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    x0 = x1 = x2 = x3 = np.float32(0.0)
    y0 = y1 = y2 = y3 = np.float32(0.0)
    z0 = z1 = z2 = z3 = np.float32(0.0)
    for dk in range(4):
        for dj in range(4):
            w = select(wz, dk) * select(wy, dj)
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
def vector_vjp(control, base, n, x, y, z, gx, gy, gz):
    """Vector-Jacobian product of `vector_at` in the point: (gx, gy, gz) . dv/d(x, y, z), three numbers."""
    i, fx, rx = locate(x, n)
    j, fy, ry = locate(y, n)
    k, fz, rz = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    sx, sy, sz = slopes(fx, rx), slopes(fy, ry), slopes(fz, rz)
    a0, a1, a2, a3 = wx
    b0, b1, b2, b3 = sx
    px = py = pz = np.float32(0.0)
    for dk in range(4):
        wk, sk = select(wz, dk), select(sz, dk)
        for dj in range(4):
            wj, sj = select(wy, dj), select(sy, dj)
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
def vector_and_gradient_at(control, base, n, x, y, z):
    """Value of a vector spline v at a point and its gradient there: (v0, v1, v2, dv0/dx, dv0/dy, dv0/dz, dv1/dx, ..., dv2/dz)."""
    i, fx, rx = locate(x, n)
    j, fy, ry = locate(y, n)
    k, fz, rz = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    sx, sy, sz = slopes(fx, rx), slopes(fy, ry), slopes(fz, rz)
    v0 = v1 = v2 = np.float32(0.0)
    x0 = x1 = x2 = np.float32(0.0)
    y0 = y1 = y2 = np.float32(0.0)
    z0 = z1 = z2 = np.float32(0.0)
    for dk in range(4):
        wk, sk = select(wz, dk), select(sz, dk)
        for dj in range(4):
            wj, sj = select(wy, dj), select(sy, dj)
            plain, along_y, along_z = wk * wj, wk * sj, sk * wj
            o = np.uint64(base + 3 * (i + n * (j + dj + n * (k + dk))))
            for di in range(4):
                wi, si = select(wx, di), select(sx, di)
                at = o + np.uint64(3 * di)
                c0, c1, c2 = control[at], control[at + np.uint64(1)], control[at + np.uint64(2)]
                value, slope_x, slope_y, slope_z = plain * wi, plain * si, along_y * wi, along_z * wi
                v0 += value * c0
                v1 += value * c1
                v2 += value * c2
                x0 += slope_x * c0
                x1 += slope_x * c1
                x2 += slope_x * c2
                y0 += slope_y * c0
                y1 += slope_y * c1
                y2 += slope_y * c2
                z0 += slope_z * c0
                z1 += slope_z * c1
                z2 += slope_z * c2
    return v0, v1, v2, x0, y0, z0, x1, y1, z1, x2, y2, z2


@scalar
def scalar_at(control, n, x, y, z):
    """Value of a scalar spline at a point. control: [n^3] flat."""
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
                along += select(wx, di) * control[o + np.uint64(di)]
            total += select(wz, dk) * select(wy, dj) * along
    return total


@scalar
def scalar_adjoint(n, x, y, z, g, out):
    """Adjoint of `scalar_at` in the control points: adds the gradient for the cotangent g to out [n^3]."""
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    wx, wy, wz = weights(fx), weights(fy), weights(fz)
    for dk in range(4):
        for dj in range(4):
            w = g * select(wz, dk) * select(wy, dj)
            o = np.uint64(i + n * (j + dj + n * (k + dk)))
            for di in range(4):
                accumulate(out, o + np.uint64(di), w * select(wx, di))
