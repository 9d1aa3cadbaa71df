"""Matrices of uniform cubic B-splines on [-1, 1] in one dimension, in NumPy and double precision."""

from __future__ import annotations

import numpy as np


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
