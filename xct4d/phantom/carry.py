"""Points carried through the rows of a motion, there and back.

Formulas of the rows: README of the reference renderer, section Deformations.
"""

from __future__ import annotations

import math

import numpy as np

from xct4d.compilation import numba
from xct4d.phantom.motions import AFFINE, SIGMOID


@numba.njit(cache=True)
def carry(rows, x, y, z):
    """The point at t = 0 whose material is at (x, y, z), by all rows of a motion in order."""
    for k in range(len(rows)):
        row = rows[k]
        if row[0] == AFFINE:
            x, y, z = (
                row[1] * x + row[2] * y + row[3] * z + row[4],
                row[5] * x + row[6] * y + row[7] * z + row[8],
                row[9] * x + row[10] * y + row[11] * z + row[12],
            )
        elif row[0] == SIGMOID:
            if row[1] == 0.0:
                x = _raise(row, x)
            elif row[1] == 1.0:
                y = _raise(row, y)
            else:
                z = _raise(row, z)
        else:
            r2 = (x - row[7]) ** 2 + (y - row[8]) ** 2 + (z - row[9]) ** 2
            x, y, z = x + _bell(row, 0, r2), y + _bell(row, 1, r2), z + _bell(row, 2, r2)
    return x, y, z


@numba.njit(cache=True)
def compression(rows, x, y, z):
    """How much denser conserved mass is at a point than at rest: the determinant of the pull-back's gradient."""
    factor = 1.0
    for k in range(len(rows)):
        row = rows[k]
        if row[0] == AFFINE:
            factor *= (
                row[1] * (row[6] * row[11] - row[7] * row[10])
                - row[2] * (row[5] * row[11] - row[7] * row[9])
                + row[3] * (row[5] * row[10] - row[6] * row[9])
            )
        elif row[0] == SIGMOID:
            u = x if row[1] == 0.0 else (y if row[1] == 1.0 else z)
            share = 1.0 / (1.0 + math.exp(min(-(u - row[3]) / row[4], 700.0)))
            factor *= 1.0 + row[2] * share * (1.0 - share) / row[4]
        else:
            # grad u is an outer product of (bell_i / sigma_i^2) and the offset, so det(1 + grad u) = 1 - their scalar product
            dx, dy, dz = x - row[7], y - row[8], z - row[9]
            r2 = dx * dx + dy * dy + dz * dz
            factor *= (
                1.0 - _bell(row, 0, r2) * dx / row[4] ** 2 - _bell(row, 1, r2) * dy / row[5] ** 2 - _bell(row, 2, r2) * dz / row[6] ** 2
            )
        x, y, z = carry(rows[k : k + 1], x, y, z)
    return factor


@numba.njit(cache=True)
def _raise(row, u):
    return u + row[2] / (1.0 + math.exp(min(-(u - row[3]) / row[4], 700.0)))


@numba.njit(cache=True)
def _bell(row, axis, r2):
    sigma = row[4 + axis]
    return row[1 + axis] * math.exp(-r2 / (2.0 * sigma * sigma))


@numba.njit(cache=True)
def _uncarry(rows, x, y, z):
    """The point that `carry` brings to (x, y, z)."""
    for k in range(len(rows) - 1, -1, -1):
        row = rows[k]
        if row[0] == AFFINE:
            x, y, z = _solve(row, x - row[4], y - row[8], z - row[12])
        elif row[0] == SIGMOID:
            if row[1] == 0.0:
                x = _lower(row, x)
            elif row[1] == 1.0:
                y = _lower(row, y)
            else:
                z = _lower(row, z)
        else:
            # the displacement depends on the distance r from the centre alone, so it is enough
            # to find the r at which |X - u(r) - centre| = r; it is unique where nothing folds
            low = 0.0
            most = math.sqrt(row[1] ** 2 + row[2] ** 2 + row[3] ** 2)
            high = math.sqrt((x - row[7]) ** 2 + (y - row[8]) ** 2 + (z - row[9]) ** 2) + most
            r = 0.5 * high
            for _ in range(200):
                ux, uy, uz = _bell(row, 0, r * r), _bell(row, 1, r * r), _bell(row, 2, r * r)
                dx, dy, dz = x - ux - row[7], y - uy - row[8], z - uz - row[9]
                distance = math.sqrt(dx * dx + dy * dy + dz * dz)
                if distance > r:
                    low = r
                else:
                    high = r
                if abs(distance - r) < 1e-15 or high - low < 1e-16:
                    break
                slope = r * (dx * ux / row[4] ** 2 + dy * uy / row[5] ** 2 + dz * uz / row[6] ** 2) / max(distance, 1e-300) - 1.0
                r = r - (distance - r) / slope if slope < 0.0 else low
                if not low < r < high:
                    r = 0.5 * (low + high)
            x, y, z = x - _bell(row, 0, r * r), y - _bell(row, 1, r * r), z - _bell(row, 2, r * r)
    return x, y, z


@numba.njit(cache=True)
def _lower(row, target):
    """u with u + A / (1 + exp(-(u - c) / L)) = target: Newton, kept inside a shrinking bracket."""
    low, high = target - max(row[2], 0.0), target - min(row[2], 0.0)
    u = target - 0.5 * row[2]
    for _ in range(200):
        step = 1.0 / (1.0 + math.exp(min(-(u - row[3]) / row[4], 700.0)))
        off = u + row[2] * step - target
        if off > 0.0:
            high = u
        else:
            low = u
        if abs(off) < 1e-15:
            break
        u -= off / (1.0 + row[2] * step * (1.0 - step) / row[4])
        if not low < u < high:
            u = 0.5 * (low + high)
    return u


@numba.njit(cache=True)
def _solve(row, x, y, z):
    """Inverse of the 3x3 part of an affine row, applied (Cramer's rule)."""
    a, b, c, d, e, f, g, h, i = row[1], row[2], row[3], row[5], row[6], row[7], row[9], row[10], row[11]
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        (x * (e * i - f * h) + y * (c * h - b * i) + z * (b * f - c * e)) / det,
        (x * (f * g - d * i) + y * (a * i - c * g) + z * (c * d - a * f)) / det,
        (x * (d * h - e * g) + y * (b * g - a * h) + z * (a * e - b * d)) / det,
    )


@numba.njit(cache=True, parallel=True)
def move(rows_from, rows_to, points):
    """Points at one time carried to another, through their material points.

    rows_from, rows_to: [K, WIDTH] rows at the two times. points: [N, 3].
    Returns [N, 3] float64.
    """
    out = np.empty_like(points)
    for n in numba.prange(len(points)):
        x, y, z = carry(rows_from, points[n, 0], points[n, 1], points[n, 2])
        out[n, 0], out[n, 1], out[n, 2] = _uncarry(rows_to, x, y, z)
    return out
