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


@numba.njit(fastmath=True)
def cell_of(x, scale):
    """Cell index and position within it of a coordinate, clamped to [-1, 1]."""
    x = min(max(x, np.float32(-1.0)), np.float32(1.0))
    p = (x * np.float32(0.5) + np.float32(0.5)) * scale + np.float32(0.5)
    cell = np.int32(p)  # truncation is floor: p > 0
    return np.uint32(cell), p - np.float32(cell)


@numba.njit(fastmath=True)
def row_of(j, k, nodes, dense):
    """What the y and z indices of a node contribute to its entry."""
    if dense:
        return np.uint32(np.uint32(j * nodes) + np.uint32(k * np.uint32(nodes * nodes)))
    return np.uint32(np.uint32(j * PRIME_Y) ^ np.uint32(k * PRIME_Z))


@numba.njit(fastmath=True)
def entry_of(i, row, start, size, dense):
    """Where the first feature of node i of a row lies in the flat table."""
    if dense:
        index = np.uint32(row + i)
        if index >= size:  # only at the upper faces, where tiny-cuda-nn wraps around
            index = np.uint32(index - size)
    else:
        index = np.uint32((row ^ i) & np.uint32(size - np.uint32(1)))
    # Unsigned, or numba checks every access for a negative index.
    return np.uint64(np.uint32(index + start)) * np.uint64(FEATURES)


@numba.njit(fastmath=True)
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


@numba.njit(fastmath=True)
def spread(table, entry, weight, g0, g1):
    table[entry] += weight * g0
    table[entry + np.uint64(1)] += weight * g1


@numba.njit(fastmath=True)
def encode_stretch(points, table, scale, nodes, start, size, dense, level, first, last, out):
    """One level of points[first:last] into its two columns of `out`."""
    one, next_feature = np.float32(1), np.uint64(1)
    for p in range(first, last):
        e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz = corners_of(points[p, 0], points[p, 1], points[p, 2], scale, nodes, start, size, dense)
        gx, gy, gz = one - fx, one - fy, one - fz
        a, b, c, d = gy * gz, fy * gz, gy * fz, fy * fz
        low = a * (gx * table[e0] + fx * table[e1]) + b * (gx * table[e2] + fx * table[e3])
        high = c * (gx * table[e4] + fx * table[e5]) + d * (gx * table[e6] + fx * table[e7])
        out[p, 2 * level] = low + high
        e0, e1, e2, e3 = e0 + next_feature, e1 + next_feature, e2 + next_feature, e3 + next_feature
        e4, e5, e6, e7 = e4 + next_feature, e5 + next_feature, e6 + next_feature, e7 + next_feature
        low = a * (gx * table[e0] + fx * table[e1]) + b * (gx * table[e2] + fx * table[e3])
        high = c * (gx * table[e4] + fx * table[e5]) + d * (gx * table[e6] + fx * table[e7])
        out[p, 2 * level + 1] = low + high


@numba.njit(fastmath=True)
def spread_level(points, grad, scale, nodes, start, size, dense, level, out):
    """Adjoint of one level over all points: adds to the table's gradient `out`."""
    one = np.float32(1)
    for p in range(points.shape[0]):
        g0 = grad[p, 2 * level]
        g1 = grad[p, 2 * level + 1]
        if g0 == 0.0 and g1 == 0.0:
            continue
        e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz = corners_of(points[p, 0], points[p, 1], points[p, 2], scale, nodes, start, size, dense)
        gx, gy, gz = one - fx, one - fy, one - fz
        spread(out, e0, gx * gy * gz, g0, g1)
        spread(out, e1, fx * gy * gz, g0, g1)
        spread(out, e2, gx * fy * gz, g0, g1)
        spread(out, e3, fx * fy * gz, g0, g1)
        spread(out, e4, gx * gy * fz, g0, g1)
        spread(out, e5, fx * gy * fz, g0, g1)
        spread(out, e6, gx * fy * fz, g0, g1)
        spread(out, e7, fx * fy * fz, g0, g1)


# In both kernels `dense` is written out as a literal: the compiler then makes
# two loops without the branch, which takes a third off the time.


@numba.njit(parallel=True, fastmath=True, cache=True)
def _encode(points, table, scale, nodes, offset, out):
    block = 512  # points whose corners of one level stay in the cache
    count = points.shape[0]
    for b in numba.prange((count + block - 1) // block):
        first, last = b * block, min(count, (b + 1) * block)
        for level in range(len(scale)):
            s, n, start = scale[level], np.uint32(nodes[level]), np.uint32(offset[level])
            size = np.uint32(offset[level + 1] - offset[level])
            if nodes[level] ** 3 <= size:
                encode_stretch(points, table, s, n, start, size, True, level, first, last, out)
            else:
                encode_stretch(points, table, s, n, start, size, False, level, first, last, out)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _encode_adjoint(points, grad, scale, nodes, offset, order, out):
    # One level belongs to one thread: no atomics, and the same sum every time.
    for slot in numba.prange(len(order)):
        level = order[slot]
        s, n, start = scale[level], np.uint32(nodes[level]), np.uint32(offset[level])
        size = np.uint32(offset[level + 1] - offset[level])
        if nodes[level] ** 3 <= size:
            spread_level(points, grad, s, n, start, size, True, level, out)
        else:
            spread_level(points, grad, s, n, start, size, False, level, out)


def _interleaved(levels: int) -> np.ndarray:
    """Even levels, then odd ones: fine (slow, cache-missing) levels spread over the threads."""
    return np.concatenate([np.arange(0, levels, 2), np.arange(1, levels, 2)])


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, table, points, layout):
        ctx.layout = layout
        ctx.save_for_backward(points)
        ctx.shape = table.shape
        out = torch.empty(len(points), layout.width)
        _encode(points.numpy(), table.detach().numpy().reshape(-1), layout.scale, layout.nodes, layout.offset, out.numpy())
        return out

    @staticmethod
    def backward(ctx, grad):
        (points,) = ctx.saved_tensors
        layout = ctx.layout
        out = torch.zeros(ctx.shape)
        _encode_adjoint(
            points.numpy(), grad.contiguous().numpy(), layout.scale, layout.nodes, layout.offset, _interleaved(layout.levels), out.numpy().reshape(-1)
        )
        return out, None, None


def encode(
    table: Tensor,  # [layout.entries, 2] float32
    points: Tensor,  # [N, 3] float32 (x, y, z) in [-1, 1]
    layout: HashLayout,
) -> Tensor:  # [N, 2 * levels] float32
    """Encoded points; differentiable in the table, not in the points."""
    return _Encode.apply(table, points.contiguous(), layout)
