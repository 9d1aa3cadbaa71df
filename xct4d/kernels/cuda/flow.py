"""The flow of a velocity field and its adjoint, on CUDA devices: a thread carries a point through all its steps.

The adjoint adds to the gradient of 64 control points, 192 numbers, for each point
and stage, and neighbouring points add to the same ones: the threads of a warp sum
up among themselves before they add to the memory atomically.
"""

from __future__ import annotations

import functools

import numba
import numpy as np
import torch
from numba import cuda
from torch import Tensor

from xct4d.device import sent
from xct4d.kernels.cuda.launch import WARP, each, kernel, launch
from xct4d.kernels.shared.bspline import locate, vector_and_gradient_at, vector_at, vector_vjp, weights
from xct4d.kernels.shared.scalar import accumulate, scalar
from xct4d.kernels.shared.time_steps import FlowTable


@scalar
def group_of(p, later):
    """Index of the group of point p. later: first point of each group but group 0; there are few, so that a search through all is quick."""
    g = 0
    while g < later.shape[0] and p >= later[g]:
        g += 1
    return g


@kernel
def _flow(control, n, later, time_index, counts, sizes, a, b, points, store_stages, stage_points, out):
    p = cuda.grid(1)
    if p >= points.shape[0]:
        return
    g = group_of(p, later)
    x, y, z = points[p, 0], points[p, 1], points[p, 2]
    numbers = 3 * n * n * n
    for k in range(counts[g]):
        zero = np.float32(0.0)
        u, v, w = zero, zero, zero
        mx, my, mz = zero, zero, zero
        for s in range(time_index.shape[2]):
            ahead, part = sizes[g] * a[s], sizes[g] * b[s]
            sx, sy, sz = x + ahead * u, y + ahead * v, z + ahead * w
            if store_stages:
                stage_points[k, s, p, 0], stage_points[k, s, p, 1], stage_points[k, s, p, 2] = sx, sy, sz
            u, v, w = vector_at(control, time_index[g, k, s] * numbers, n, sx, sy, sz)
            mx += part * u
            my += part * v
            mz += part * w
        x += mx
        y += my
        z += mz
    out[p, 0], out[p, 1], out[p, 2] = x, y, z


@kernel
def _flow_with_gradient(control, n, time_index, size, a, b, points, out, gradient):
    # x, y, z of a point and the rows of its deformation gradient: as they are, their slope, their change in a step, at a stage
    state, slope = cuda.local.array(12, numba.float32), cuda.local.array(12, numba.float32)
    change, stage = cuda.local.array(12, numba.float32), cuda.local.array(12, numba.float32)
    p = cuda.grid(1)
    if p >= points.shape[0]:
        return
    zero, one = np.float32(0.0), np.float32(1.0)
    for c in range(12):
        state[c] = slope[c] = zero
    state[0], state[1], state[2] = points[p, 0], points[p, 1], points[p, 2]
    state[3] = state[7] = state[11] = one
    numbers = 3 * n * n * n
    for k in range(time_index.shape[0]):
        for c in range(12):
            change[c] = zero
        for s in range(time_index.shape[1]):
            ahead, part = size * a[s], size * b[s]
            for c in range(12):
                stage[c] = state[c] + ahead * slope[c]
            v0, v1, v2, x0, y0, z0, x1, y1, z1, x2, y2, z2 = vector_and_gradient_at(
                control, time_index[k, s] * numbers, n, stage[0], stage[1], stage[2]
            )
            slope[0], slope[1], slope[2] = v0, v1, v2
            for column in range(3):
                f, g, h = stage[3 + column], stage[6 + column], stage[9 + column]
                slope[3 + column] = x0 * f + y0 * g + z0 * h
                slope[6 + column] = x1 * f + y1 * g + z1 * h
                slope[9 + column] = x2 * f + y2 * g + z2 * h
            for c in range(12):
                change[c] += part * slope[c]
        for c in range(12):
            state[c] += change[c]
    for i in range(3):
        out[p, i] = state[i]
        for j in range(3):
            gradient[p, i, j] = state[3 + 3 * i + j]


@scalar
def flush(out, start, n, lane, sums):
    """Add sums [6] to the gradient of the two control points of thread `lane`, of the 64 around a cell that begin at index `start`."""
    first = start + 3 * ((lane & 3) + n * (((lane >> 2) & 3) + n * (lane >> 4)))
    second = first + 6 * n * n
    for c in range(3):
        accumulate(out, np.uint64(first + c), sums[c])
        accumulate(out, np.uint64(second + c), sums[3 + c])


@scalar
def scatter_warp(cell, factors, n, lane, sums, out):
    """Add the points of a warp to the gradient `out` of their control points; all threads of the warp work together.

    cell, factors: of each point, as in `_flow_adjoint`. Points of a ray are
    neighbours and mostly share their 64 control points. Each thread goes through
    all points of the warp and sums up for its two of the 64, until a point comes
    that lies in another cell: one atomic addition in place of one for each point.
    """
    zero = np.float32(0.0)
    column, row, layer = lane & 3, 4 + ((lane >> 2) & 3), 8 + (lane >> 4)
    current = -1
    for c in range(6):
        sums[c] = zero
    for q in range(WARP):
        own = cell[q]
        if own >= 0:
            if own != current:
                if current >= 0:
                    flush(out, current, n, lane, sums)
                    for c in range(6):
                        sums[c] = zero
                current = own
            weight = factors[q, column] * factors[q, row]
            near, far = weight * factors[q, layer], weight * factors[q, layer + 2]
            for c in range(3):
                sums[c] += near * factors[q, 12 + c]
                sums[3 + c] += far * factors[q, 12 + c]
    if current >= 0:
        flush(out, current, n, lane, sums)


@kernel
def _flow_adjoint(control, n, later, time_index, counts, sizes, a, b, stage_points, grad, out, control_grad):
    # Cotangents as in cpu.flow.carry_adjoint. A block is one warp, and none of its threads returns early: each works for the points of all.
    cell = cuda.shared.array(WARP, numba.int64)  # index of the first control point around each point; -1: its cotangent is zero
    factors = cuda.shared.array((WARP, 15), numba.float32)  # four weights along x, along y, along z, the cotangent of the slope
    sums = cuda.local.array(6, numba.float32)
    lane = cuda.threadIdx.x
    p = cuda.grid(1)
    zero = np.float32(0.0)
    gx, gy, gz = zero, zero, zero
    g, own_count, own_size = 0, 0, zero
    if p < grad.shape[0]:
        g = group_of(p, later)
        gx, gy, gz = grad[p, 0], grad[p, 1], grad[p, 2]
        own_count, own_size = counts[g], sizes[g]
    numbers = 3 * n * n * n
    stages = time_index.shape[2]
    for k in range(time_index.shape[1] - 1, -1, -1):
        px, py, pz = zero, zero, zero  # cotangent of the position of stage s + 1
        tx, ty, tz = zero, zero, zero
        for s in range(stages - 1, -1, -1):
            part, ahead = own_size * b[s], zero
            if s + 1 < stages:
                ahead = own_size * a[s + 1]
            u, v, w = part * gx + ahead * px, part * gy + ahead * py, part * gz + ahead * pz
            px, py, pz = zero, zero, zero
            cell[lane] = -1
            if k < own_count and (u != zero or v != zero or w != zero):
                base = time_index[g, k, s] * numbers
                x, y, z = stage_points[k, s, p, 0], stage_points[k, s, p, 1], stage_points[k, s, p, 2]
                i, fx, _ = locate(x, n)
                j, fy, _ = locate(y, n)
                first_z, fz, _ = locate(z, n)
                cell[lane] = base + 3 * (i + n * (j + n * first_z))
                factors[lane, 0], factors[lane, 1], factors[lane, 2], factors[lane, 3] = weights(fx)
                factors[lane, 4], factors[lane, 5], factors[lane, 6], factors[lane, 7] = weights(fy)
                factors[lane, 8], factors[lane, 9], factors[lane, 10], factors[lane, 11] = weights(fz)
                factors[lane, 12], factors[lane, 13], factors[lane, 14] = u, v, w
                px, py, pz = vector_vjp(control, base, n, x, y, z, u, v, w)
                tx += px
                ty += py
                tz += pz
            cuda.syncthreads()
            scatter_warp(cell, factors, n, lane, sums, control_grad)
            cuda.syncthreads()
        gx += tx
        gy += ty
        gz += tz
    if p < grad.shape[0]:
        out[p, 0], out[p, 1], out[p, 2] = gx, gy, gz


def _arrays(start: tuple[int, ...], table: FlowTable, device: torch.device) -> tuple[Tensor, ...]:
    later = sent(np.array(start[1:-1]), device) if len(start) > 2 else _nothing(device)
    return later, *_sent(table, device)


@functools.cache  # a training uses the same empty array in every step
def _nothing(device: torch.device) -> Tensor:
    return torch.empty(0, dtype=torch.int64, device=device)


@functools.lru_cache(256)  # a training comes back to the same times step after step
def _sent(table: FlowTable, device: torch.device) -> tuple[Tensor, ...]:
    return tuple(sent(array, device) for array in (table.time_index, table.counts, table.sizes, table.a, table.b))


def flow(control: Tensor, points: Tensor, start: tuple[int, ...], table: FlowTable, store_stages: bool) -> tuple[Tensor, Tensor]:
    """As cpu.flow.flow."""
    arrays = _arrays(start, table, points.device)
    stage_points = points.new_empty((*table.time_index.shape[1:], len(points), 3) if store_stages else (1, 1, 1, 3))
    out = torch.empty_like(points)
    each(_flow, len(points), control.reshape(-1), control.shape[1], *arrays, points, store_stages, stage_points, out)
    return out, stage_points


def flow_adjoint(grad: Tensor, control: Tensor, stage_points: Tensor, start: tuple[int, ...], table: FlowTable) -> tuple[Tensor, Tensor]:
    """As cpu.flow.flow_adjoint."""
    arrays = _arrays(start, table, grad.device)
    out, control_grad = torch.empty_like(grad), torch.zeros_like(control)
    warps = -(-len(grad) // WARP)
    launch(_flow_adjoint, (warps,), WARP, control.reshape(-1), control.shape[1], *arrays, stage_points, grad, out, control_grad.view(-1))
    return control_grad, out


def flow_with_gradient(control: Tensor, points: Tensor, table: FlowTable) -> tuple[Tensor, Tensor]:
    """As cpu.flow.flow_with_gradient."""
    time_index, _, _, a, b = _sent(table, points.device)
    out, gradient = torch.empty_like(points), points.new_empty(len(points), 3, 3)
    each(
        _flow_with_gradient, len(points), control.reshape(-1), control.shape[1], time_index[0], table.sizes[0], a, b, points, out, gradient
    )
    return out, gradient
