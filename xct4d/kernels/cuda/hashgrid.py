"""Multiresolution hash encoding, on CUDA devices: a thread for each point and level."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda.launch import THREADS, blocks, kernel, launch
from xct4d.kernels.shared.hash_layout import HashLayout
from xct4d.kernels.shared.hashgrid import add_to_entry, corner_weights, corners_of
from xct4d.kernels.shared.scalar import scalar


@scalar
def level_corners(points, p, level, scale, nodes, offset):
    """`corners_of` point p on one level of a layout, whose arrays are scale, nodes and offset."""
    size = np.uint32(offset[level + 1] - offset[level])
    dense = nodes[level] * nodes[level] * nodes[level] <= size
    return corners_of(
        points[p, 0], points[p, 1], points[p, 2], scale[level], np.uint32(nodes[level]), np.uint32(offset[level]), size, dense
    )


@scalar
def feature(table, shift, e0, e1, e2, e3, e4, e5, e6, e7, w0, w1, w2, w3, w4, w5, w6, w7):
    """Sum over the corners of one feature of their entries e0 to e7, with weights w0 to w7. shift: 0 for the first feature, 1 for the second."""
    low = w0 * table[e0 + shift] + w1 * table[e1 + shift] + w2 * table[e2 + shift] + w3 * table[e3 + shift]
    return low + w4 * table[e4 + shift] + w5 * table[e5 + shift] + w6 * table[e6 + shift] + w7 * table[e7 + shift]


@kernel
def _encode(points, table, scale, nodes, offset, out):
    p, level = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, cuda.blockIdx.y
    if p >= points.shape[0]:
        return
    e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz = level_corners(points, p, level, scale, nodes, offset)
    w0, w1, w2, w3, w4, w5, w6, w7 = corner_weights(fx, fy, fz)
    out[p, 2 * level] = feature(table, np.uint32(0), e0, e1, e2, e3, e4, e5, e6, e7, w0, w1, w2, w3, w4, w5, w6, w7)
    out[p, 2 * level + 1] = feature(table, np.uint32(1), e0, e1, e2, e3, e4, e5, e6, e7, w0, w1, w2, w3, w4, w5, w6, w7)


@kernel
def _encode_adjoint(points, grad, scale, nodes, offset, out):
    p, level = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, cuda.blockIdx.y
    if p >= points.shape[0]:
        return
    g0, g1 = grad[p, 2 * level], grad[p, 2 * level + 1]
    if g0 == np.float32(0.0) and g1 == np.float32(0.0):
        return
    e0, e1, e2, e3, e4, e5, e6, e7, fx, fy, fz = level_corners(points, p, level, scale, nodes, offset)
    w0, w1, w2, w3, w4, w5, w6, w7 = corner_weights(fx, fy, fz)
    add_to_entry(out, e0, w0, g0, g1)
    add_to_entry(out, e1, w1, g0, g1)
    add_to_entry(out, e2, w2, g0, g1)
    add_to_entry(out, e3, w3, g0, g1)
    add_to_entry(out, e4, w4, g0, g1)
    add_to_entry(out, e5, w5, g0, g1)
    add_to_entry(out, e6, w6, g0, g1)
    add_to_entry(out, e7, w7, g0, g1)


@functools.lru_cache(16)
def _tables(layout: HashLayout, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(torch.from_numpy(table).to(device) for table in (layout.scale, layout.nodes, layout.offset))


def encode(table: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    """As cpu.hashgrid.encode."""
    out = points.new_empty(len(points), layout.width)
    launch(_encode, (blocks(len(points)), layout.levels), THREADS, points, table.reshape(-1), *_tables(layout, points.device), out)
    return out


def encode_adjoint(grad: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    """As cpu.hashgrid.encode_adjoint."""
    out = points.new_zeros(layout.entries, 2)
    launch(_encode_adjoint, (blocks(len(points)), layout.levels), THREADS, points, grad, *_tables(layout, points.device), out.view(-1))
    return out
