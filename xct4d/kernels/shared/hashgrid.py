"""Multiresolution hash encoding at one point: device functions.

The index arithmetic and the hash are those of tiny-cuda-nn, as is the layout of the table.
"""

from __future__ import annotations

import numpy as np

from xct4d.kernels.shared.hash_layout import FEATURES
from xct4d.kernels.shared.scalar import accumulate, scalar

PRIME_Y = np.uint32(2654435761)
PRIME_Z = np.uint32(805459861)


@scalar
def cell_of(x, scale):
    """Index of the cell that holds a coordinate, clamped to [-1, 1], and the position within it in [0, 1]."""
    x = min(max(x, np.float32(-1.0)), np.float32(1.0))
    p = (x * np.float32(0.5) + np.float32(0.5)) * scale + np.float32(0.5)
    cell = np.int32(p)  # truncation is floor: p > 0
    return np.uint32(cell), p - np.float32(cell)


@scalar
def row_of(j, k, nodes, dense):
    """The part of a node's entry that depends on its indices j and k along y and z; hashed unless the level is dense."""
    if dense:
        return np.uint32(np.uint32(j * nodes) + np.uint32(k * np.uint32(nodes * nodes)))
    return np.uint32(np.uint32(j * PRIME_Y) ^ np.uint32(k * PRIME_Z))


@scalar
def entry_of(i, row, start, size, dense):
    """Index in the flat table of the first feature of node i along x. row: from `row_of`; start, size: first entry and entries of the level."""
    if dense:
        index = np.uint32(row + i)
        if index >= size:  # only at the upper faces, where tiny-cuda-nn wraps around
            index = np.uint32(index - size)
    else:
        index = np.uint32((row ^ i) & np.uint32(size - np.uint32(1)))
    return np.uint32(np.uint32(index + start) * np.uint32(FEATURES))


@scalar
def corners_of(x, y, z, scale, nodes, start, size, dense):
    """The eight table entries (`entry_of`) around a point, x fastest, and its position (fx, fy, fz) within the cell."""
    one = np.uint32(1)
    i, fx = cell_of(x, scale)
    j, fy = cell_of(y, scale)
    k, fz = cell_of(z, scale)
    i1, j1, k1 = np.uint32(i + one), np.uint32(j + one), np.uint32(k + one)
    r00, r10 = row_of(j, k, nodes, dense), row_of(j1, k, nodes, dense)
    r01, r11 = row_of(j, k1, nodes, dense), row_of(j1, k1, nodes, dense)
    e0, e1 = entry_of(i, r00, start, size, dense), entry_of(i1, r00, start, size, dense)
    e2, e3 = entry_of(i, r10, start, size, dense), entry_of(i1, r10, start, size, dense)
    e4, e5 = entry_of(i, r01, start, size, dense), entry_of(i1, r01, start, size, dense)
    e6, e7 = entry_of(i, r11, start, size, dense), entry_of(i1, r11, start, size, dense)
    return e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz


@scalar
def corner_weights(fx, fy, fz):
    """Trilinear weights of the eight corners of a cell, x fastest, at position (fx, fy, fz) within it."""
    one = np.float32(1)
    gx, gy, gz = one - fx, one - fy, one - fz
    a, b, c, d = gy * gz, fy * gz, gy * fz, fy * fz
    return a * gx, a * fx, b * gx, b * fx, c * gx, c * fx, d * gx, d * fx


@scalar
def add_to_entry(table, entry, weight, g0, g1):
    """Add weight (g0, g1) to the two features of a table entry, which begin at index `entry` of the flat table."""
    first = np.uint64(entry)
    accumulate(table, first, weight * g0)
    accumulate(table, first + np.uint64(1), weight * g1)
