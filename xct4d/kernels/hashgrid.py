"""Multiresolution hash encoding (Mueller et al., ACM TOG 41(4), 2022, section 3).

The layout, the index arithmetic and the hash are those of tiny-cuda-nn, so that
a table trained by one serves the other: level l scales [0, 1] by
s_l = coarsest * growth^l - 1, shifts it by half a cell, has ceil(s_l) + 1 nodes
per axis, and is a plain grid while that cube fits its share of the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device
from xct4d.kernels.scalar import accumulate, scalar

FEATURES = 2  # per entry; the kernels unroll them
PRIME_Y = np.uint32(2654435761)
PRIME_Z = np.uint32(805459861)


@dataclass(frozen=True)
class HashLayout:
    """Where each level lies in the table."""

    levels: int
    log2_size: int
    coarsest: int
    finest: int

    @cached_property
    def scale(self) -> np.ndarray:  # [L] float32
        growth = 1.0 if self.levels == 1 else math.exp(math.log(self.finest / self.coarsest) / (self.levels - 1))
        return np.array([self.coarsest * growth**level - 1.0 for level in range(self.levels)], np.float32)

    @cached_property
    def nodes(self) -> np.ndarray:  # [L] int64: per axis
        return np.ceil(self.scale).astype(np.int64) + 1

    @cached_property
    def offset(self) -> np.ndarray:  # [L + 1] int64: first entry of each level
        size = np.minimum((self.nodes**3 + 7) // 8 * 8, 2**self.log2_size)
        return np.concatenate([[0], np.cumsum(size)])

    @property
    def entries(self) -> int:
        return int(self.offset[-1])

    @property
    def width(self) -> int:
        """Features of an encoded point."""
        return self.levels * FEATURES


@scalar
def cell_of(x, scale):
    """Cell index and position within it of a coordinate, clamped to [-1, 1]."""
    x = min(max(x, np.float32(-1.0)), np.float32(1.0))
    p = (x * np.float32(0.5) + np.float32(0.5)) * scale + np.float32(0.5)
    cell = np.int32(p)  # truncation is floor: p > 0
    return np.uint32(cell), p - np.float32(cell)


@scalar
def row_of(j, k, nodes, dense):
    """What the y and z indices of a node contribute to its entry."""
    if dense:
        return np.uint32(np.uint32(j * nodes) + np.uint32(k * np.uint32(nodes * nodes)))
    return np.uint32(np.uint32(j * PRIME_Y) ^ np.uint32(k * PRIME_Z))


@scalar
def entry_of(i, row, start, size, dense):
    """Where the first feature of node i of a row lies in the flat table."""
    if dense:
        index = np.uint32(row + i)
        if index >= size:  # only at the upper faces, where tiny-cuda-nn wraps around
            index = np.uint32(index - size)
    else:
        index = np.uint32((row ^ i) & np.uint32(size - np.uint32(1)))
    return np.uint32(np.uint32(index + start) * np.uint32(FEATURES))


@scalar
def corners_of(x, y, z, scale, nodes, start, size, dense):
    """The eight table entries around a point, x fastest, and its place (fx, fy, fz) in the cell."""
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
    """Trilinear weights of the eight corners, x fastest."""
    one = np.float32(1)
    gx, gy, gz = one - fx, one - fy, one - fz
    a, b, c, d = gy * gz, fy * gz, gy * fz, fy * fz
    return a * gx, a * fx, b * gx, b * fx, c * gx, c * fx, d * gx, d * fx


# On the CPU a level goes over the points block by block, twice: first the
# arithmetic of the corners, which the compiler vectorises, then the traffic
# with the table, which it cannot. That is half the time of one loop for both.
BLOCK = 256


@numba.njit(fastmath=True)
def coordinates(points, first, count, xyz):
    for q in range(count):
        xyz[0, q], xyz[1, q], xyz[2, q] = points[first + q, 0], points[first + q, 1], points[first + q, 2]


@numba.njit(fastmath=True)
def find_corners(xyz, count, scale, nodes, start, size, dense, entry, place):
    """`corners_of` the first `count` columns of xyz [3, BLOCK] into entry [8, BLOCK] and place [3, BLOCK]."""
    for q in range(count):
        e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz = corners_of(xyz[0, q], xyz[1, q], xyz[2, q], scale, nodes, start, size, dense)
        entry[0, q], entry[1, q], entry[2, q], entry[3, q] = e0, e1, e2, e3
        entry[4, q], entry[5, q], entry[6, q], entry[7, q] = e4, e5, e6, e7
        place[0, q], place[1, q], place[2, q] = fx, fy, fz


@numba.njit(fastmath=True)
def block_corners(xyz, count, level, scale, nodes, offset, entry, place):
    s, n, start = scale[level], np.uint32(nodes[level]), np.uint32(offset[level])
    size = np.uint32(offset[level + 1] - offset[level])
    # `dense` is a literal: the compiler then makes two loops without the branch.
    if nodes[level] ** 3 <= size:
        find_corners(xyz, count, s, n, start, size, True, entry, place)
    else:
        find_corners(xyz, count, s, n, start, size, False, entry, place)


@numba.njit(fastmath=True)
def blocks(count):
    return (count + BLOCK - 1) // BLOCK


@numba.njit(fastmath=True)
def corner_sum(table, entry, q, feature, w):
    """Weighted sum of one feature over the corners of column q. Indices are unsigned, or numba checks each for being negative."""
    w0, w1, w2, w3, w4, w5, w6, w7 = w
    low = w0 * table[np.uint64(entry[0, q]) + feature] + w1 * table[np.uint64(entry[1, q]) + feature]
    low += w2 * table[np.uint64(entry[2, q]) + feature] + w3 * table[np.uint64(entry[3, q]) + feature]
    high = w4 * table[np.uint64(entry[4, q]) + feature] + w5 * table[np.uint64(entry[5, q]) + feature]
    high += w6 * table[np.uint64(entry[6, q]) + feature] + w7 * table[np.uint64(entry[7, q]) + feature]
    return low + high


@scalar
def spread(table, entry, weight, g0, g1):
    first = np.uint64(entry)
    accumulate(table, first, weight * g0)
    accumulate(table, first + np.uint64(1), weight * g1)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _encode(points, table, scale, nodes, offset, out):
    count = points.shape[0]
    for b in numba.prange(blocks(count)):
        first = b * BLOCK
        size = min(BLOCK, count - first)
        xyz, place, entry = np.empty((3, BLOCK), np.float32), np.empty((3, BLOCK), np.float32), np.empty((8, BLOCK), np.uint32)
        coordinates(points, first, size, xyz)
        for level in range(len(scale)):
            block_corners(xyz, size, level, scale, nodes, offset, entry, place)
            for q in range(size):
                w = corner_weights(place[0, q], place[1, q], place[2, q])
                out[first + q, 2 * level] = corner_sum(table, entry, q, np.uint64(0), w)
                out[first + q, 2 * level + 1] = corner_sum(table, entry, q, np.uint64(1), w)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _encode_adjoint(points, grad, scale, nodes, offset, order, out):
    # One level belongs to one thread: no atomics, and the same sum every time.
    count = points.shape[0]
    for slot in numba.prange(len(order)):
        level = order[slot]
        xyz, place, entry = np.empty((3, BLOCK), np.float32), np.empty((3, BLOCK), np.float32), np.empty((8, BLOCK), np.uint32)
        for b in range(blocks(count)):
            first = b * BLOCK
            size = min(BLOCK, count - first)
            coordinates(points, first, size, xyz)
            block_corners(xyz, size, level, scale, nodes, offset, entry, place)
            for q in range(size):
                g0, g1 = grad[first + q, 2 * level], grad[first + q, 2 * level + 1]
                if g0 == 0.0 and g1 == 0.0:
                    continue
                w0, w1, w2, w3, w4, w5, w6, w7 = corner_weights(place[0, q], place[1, q], place[2, q])
                spread(out, entry[0, q], w0, g0, g1)
                spread(out, entry[1, q], w1, g0, g1)
                spread(out, entry[2, q], w2, g0, g1)
                spread(out, entry[3, q], w3, g0, g1)
                spread(out, entry[4, q], w4, g0, g1)
                spread(out, entry[5, q], w5, g0, g1)
                spread(out, entry[6, q], w6, g0, g1)
                spread(out, entry[7, q], w7, g0, g1)


def _interleaved(levels: int) -> np.ndarray:
    """Even levels, then odd ones: fine (slow, cache-missing) levels spread over the threads."""
    return np.concatenate([np.arange(0, levels, 2), np.arange(1, levels, 2)])


@per_device
def encoded(table: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    out = torch.empty(len(points), layout.width)
    _encode(points.numpy(), table.numpy().reshape(-1), layout.scale, layout.nodes, layout.offset, out.numpy())
    return out


@per_device
def encoded_adjoint(grad: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    out = torch.zeros(layout.entries, FEATURES)
    order = _interleaved(layout.levels)
    _encode_adjoint(points.numpy(), grad.numpy(), layout.scale, layout.nodes, layout.offset, order, out.numpy().reshape(-1))
    return out


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, points, layout):
        ctx.layout = layout
        ctx.save_for_backward(points)
        return encoded(table.detach(), points, layout)

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        return encoded_adjoint(grad.contiguous(), points, ctx.layout), None, None


def encode(
    table: Tensor,  # [layout.entries, 2] float32
    points: Tensor,  # [N, 3] float32 (x, y, z) in [-1, 1]
    layout: HashLayout,
) -> Tensor:  # [N, 2 * levels] float32
    """Encoded points; differentiable in the table, not in the points."""
    return _Encode.apply(table, points.contiguous(), layout)
