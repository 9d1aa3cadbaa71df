"""Multiresolution hash encoding, on CPUs.

On each level a thread walks over the points block by block, twice: first the
arithmetic that finds the corners of a point's cell, which the compiler
vectorises, then reading or adding to their entries of the table, which it
cannot. That takes half the time of one loop for both.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.shared.hash_layout import FEATURES, HashLayout
from xct4d.kernels.shared.hashgrid import add_to_entry, corner_weights, corners_of

BLOCK = 256  # points


@numba.njit(fastmath=True)
def coordinates(points, first, count, xyz):
    """Copy the points first to first + count - 1 to the columns of xyz [3, BLOCK]."""
    for q in range(count):
        xyz[0, q], xyz[1, q], xyz[2, q] = points[first + q, 0], points[first + q, 1], points[first + q, 2]


@numba.njit(fastmath=True)
def find_corners(xyz, count, scale, nodes, start, size, dense, entry, position):
    """`corners_of` the points in the first `count` columns of xyz [3, BLOCK], to entry [8, BLOCK] and position [3, BLOCK]."""
    for q in range(count):
        e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz = corners_of(xyz[0, q], xyz[1, q], xyz[2, q], scale, nodes, start, size, dense)
        entry[0, q], entry[1, q], entry[2, q], entry[3, q] = e0, e1, e2, e3
        entry[4, q], entry[5, q], entry[6, q], entry[7, q] = e4, e5, e6, e7
        position[0, q], position[1, q], position[2, q] = fx, fy, fz


@numba.njit(fastmath=True)
def block_corners(xyz, count, level, scale, nodes, offset, entry, position):
    """`find_corners` on one level of a layout, whose arrays are scale, nodes and offset."""
    s, n, start = scale[level], np.uint32(nodes[level]), np.uint32(offset[level])
    size = np.uint32(offset[level + 1] - offset[level])
    # `dense` is a literal: the compiler then makes two loops without the branch.
    if nodes[level] ** 3 <= size:
        find_corners(xyz, count, s, n, start, size, True, entry, position)
    else:
        find_corners(xyz, count, s, n, start, size, False, entry, position)


@numba.njit(fastmath=True)
def blocks(count):
    """Number of blocks that hold `count` points."""
    return (count + BLOCK - 1) // BLOCK


@numba.njit(fastmath=True)
def corner_sum(table, entry, q, feature, w):
    """Sum over the corners of point q of one feature of their entries, with weights w."""
    # indices are unsigned: numba would test each signed one for being negative
    w0, w1, w2, w3, w4, w5, w6, w7 = w
    low = w0 * table[np.uint64(entry[0, q]) + feature] + w1 * table[np.uint64(entry[1, q]) + feature]
    low += w2 * table[np.uint64(entry[2, q]) + feature] + w3 * table[np.uint64(entry[3, q]) + feature]
    high = w4 * table[np.uint64(entry[4, q]) + feature] + w5 * table[np.uint64(entry[5, q]) + feature]
    high += w6 * table[np.uint64(entry[6, q]) + feature] + w7 * table[np.uint64(entry[7, q]) + feature]
    return low + high


@numba.njit(parallel=True, fastmath=True, cache=True)
def _encode(points, table, scale, nodes, offset, out):
    count = points.shape[0]
    for b in numba.prange(blocks(count)):
        first = b * BLOCK
        size = min(BLOCK, count - first)
        xyz, position, entry = np.empty((3, BLOCK), np.float32), np.empty((3, BLOCK), np.float32), np.empty((8, BLOCK), np.uint32)
        coordinates(points, first, size, xyz)
        for level in range(len(scale)):
            block_corners(xyz, size, level, scale, nodes, offset, entry, position)
            for q in range(size):
                w = corner_weights(position[0, q], position[1, q], position[2, q])
                out[first + q, 2 * level] = corner_sum(table, entry, q, np.uint64(0), w)
                out[first + q, 2 * level + 1] = corner_sum(table, entry, q, np.uint64(1), w)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _encode_adjoint(points, grad, scale, nodes, offset, order, out):
    # threads take whole levels: no atomic additions, and the same sum every time
    count = points.shape[0]
    for slot in numba.prange(len(order)):
        level = order[slot]
        xyz, position, entry = np.empty((3, BLOCK), np.float32), np.empty((3, BLOCK), np.float32), np.empty((8, BLOCK), np.uint32)
        for b in range(blocks(count)):
            first = b * BLOCK
            size = min(BLOCK, count - first)
            coordinates(points, first, size, xyz)
            block_corners(xyz, size, level, scale, nodes, offset, entry, position)
            for q in range(size):
                g0, g1 = grad[first + q, 2 * level], grad[first + q, 2 * level + 1]
                if g0 == 0.0 and g1 == 0.0:
                    continue
                w0, w1, w2, w3, w4, w5, w6, w7 = corner_weights(position[0, q], position[1, q], position[2, q])
                add_to_entry(out, entry[0, q], w0, g0, g1)
                add_to_entry(out, entry[1, q], w1, g0, g1)
                add_to_entry(out, entry[2, q], w2, g0, g1)
                add_to_entry(out, entry[3, q], w3, g0, g1)
                add_to_entry(out, entry[4, q], w4, g0, g1)
                add_to_entry(out, entry[5, q], w5, g0, g1)
                add_to_entry(out, entry[6, q], w6, g0, g1)
                add_to_entry(out, entry[7, q], w7, g0, g1)


def _interleaved(levels: int) -> np.ndarray:
    """Even levels, then odd ones, so that every thread gets some of the fine levels, whose tables exceed the caches."""
    return np.concatenate([np.arange(0, levels, 2), np.arange(1, levels, 2)])


def encode(table: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    """Features of points [N, 3] from a table [layout.entries, 2]: [N, layout.width]."""
    out = torch.empty(len(points), layout.width)
    _encode(points.numpy(), table.numpy().reshape(-1), layout.scale, layout.nodes, layout.offset, out.numpy())
    return out


def encode_adjoint(grad: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    """Gradient [layout.entries, 2] of the table for the cotangent [N, layout.width] of the features of points [N, 3]."""
    out = torch.zeros(layout.entries, FEATURES)
    order = _interleaved(layout.levels)
    _encode_adjoint(points.numpy(), grad.numpy(), layout.scale, layout.nodes, layout.offset, order, out.numpy().reshape(-1))
    return out
