"""The flow of a velocity field and its adjoint, on CPUs.

Threads take points. A thread walks through time with all its points abreast:
the control points of one stage then stay in the cache, whatever their number.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.compilation import numba
from xct4d.kernels.cpu.rows import vector_adjoint, vector_and_gradient_at, vector_at
from xct4d.kernels.shared.time_steps import FlowTable


@numba.njit(fastmath=True)
def carry(control, n, time_index, size, a, b, points, lo, hi, stage_points, out):
    """Carry the points lo to hi - 1 of one group; out receives their positions at the end.

    time_index: [steps, stages], which of the splines in `control` each stage
    evaluates; size: the step h; a, b: of the tableau. stage_points: [steps,
    stages, N, 3] receives where the stages evaluate the velocity; empty, nothing.
    """
    slope, change = np.empty((hi - lo, 3), np.float32), np.empty((hi - lo, 3), np.float32)
    numbers = 3 * n * n * n
    store_stages = stage_points.shape[0] > 0
    for p in range(lo, hi):
        for d in range(3):
            out[p, d] = points[p, d]
    for k in range(time_index.shape[0]):
        change[:] = np.float32(0.0)
        for s in range(time_index.shape[1]):
            base = time_index[k, s] * numbers
            ahead, part = size * a[s], size * b[s]
            for p in range(lo, hi):
                q = p - lo
                x, y, z = out[p, 0], out[p, 1], out[p, 2]
                if s > 0:
                    x += ahead * slope[q, 0]
                    y += ahead * slope[q, 1]
                    z += ahead * slope[q, 2]
                if store_stages:
                    stage_points[k, s, p, 0], stage_points[k, s, p, 1], stage_points[k, s, p, 2] = x, y, z
                u, v, w = vector_at(control, base, n, x, y, z)
                slope[q, 0], slope[q, 1], slope[q, 2] = u, v, w
                change[q, 0] += part * u
                change[q, 1] += part * v
                change[q, 2] += part * w
        for p in range(lo, hi):
            for d in range(3):
                out[p, d] += change[p - lo, d]


@numba.njit(fastmath=True)
def carry_adjoint(control, n, time_index, size, a, b, stage_points, grad, lo, hi, out, control_grad):
    """Adjoint of `carry`: adds to control_grad, and writes the gradients of the points lo to hi - 1 to out.

    Backwards through steps and stages, with the cotangents g of the position,
    u = h (b[s] g + a[s+1] m[s+1]) of the slope of stage s, m[s] = u . grad v of
    the position at which stage s evaluates it; a step adds sum(m[s]) to g.
    """
    stage_grad = np.zeros((hi - lo, 3), np.float32)  # m[s + 1]
    total = np.empty((hi - lo, 3), np.float32)
    numbers, stages = 3 * n * n * n, time_index.shape[1]
    for p in range(lo, hi):
        for d in range(3):
            out[p, d] = grad[p, d]
    for k in range(time_index.shape[0] - 1, -1, -1):
        total[:] = np.float32(0.0)
        for s in range(stages - 1, -1, -1):
            base = time_index[k, s] * numbers
            part = size * b[s]
            ahead = size * a[s + 1] if s + 1 < stages else np.float32(0.0)
            for p in range(lo, hi):
                q = p - lo
                u = part * out[p, 0] + ahead * stage_grad[q, 0]
                v = part * out[p, 1] + ahead * stage_grad[q, 1]
                w = part * out[p, 2] + ahead * stage_grad[q, 2]
                if u == 0.0 and v == 0.0 and w == 0.0:  # as where the density is uniform
                    stage_grad[q, 0] = stage_grad[q, 1] = stage_grad[q, 2] = np.float32(0.0)
                    continue
                x, y, z = stage_points[k, s, p, 0], stage_points[k, s, p, 1], stage_points[k, s, p, 2]
                gx, gy, gz = vector_adjoint(control, base, n, x, y, z, u, v, w, control_grad, base)
                stage_grad[q, 0], stage_grad[q, 1], stage_grad[q, 2] = gx, gy, gz
                total[q, 0] += gx
                total[q, 1] += gy
                total[q, 2] += gz
        for p in range(lo, hi):
            for d in range(3):
                out[p, d] += total[p - lo, d]


@numba.njit(fastmath=True)
def carry_with_gradient(control, n, time_index, size, a, b, lo, hi, state):
    """As `carry`, but of the points and their deformation gradients F: dF/dt = (grad v) F, by the same steps.

    state: [N, 12], each row a point's x, y, z and the rows of its F, changed in place.
    """
    slope, change = np.zeros((hi - lo, 12), np.float32), np.empty((hi - lo, 12), np.float32)
    stage = np.empty(12, np.float32)
    numbers = 3 * n * n * n
    for k in range(time_index.shape[0]):
        change[:] = np.float32(0.0)
        for s in range(time_index.shape[1]):
            base = time_index[k, s] * numbers
            ahead, part = size * a[s], size * b[s]
            for p in range(lo, hi):
                q = p - lo
                for c in range(12):
                    stage[c] = state[p, c] + ahead * slope[q, c]
                found = vector_and_gradient_at(control, base, n, stage[0], stage[1], stage[2])
                v0, v1, v2, x0, y0, z0, x1, y1, z1, x2, y2, z2 = found
                slope[q, 0], slope[q, 1], slope[q, 2] = v0, v1, v2
                for column in range(3):
                    f, g, h = stage[3 + column], stage[6 + column], stage[9 + column]
                    slope[q, 3 + column] = x0 * f + y0 * g + z0 * h
                    slope[q, 6 + column] = x1 * f + y1 * g + z1 * h
                    slope[q, 9 + column] = x2 * f + y2 * g + z2 * h
                for c in range(12):
                    change[q, c] += part * slope[q, c]
        for p in range(lo, hi):
            for c in range(12):
                state[p, c] += change[p - lo, c]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow(control, n, start, time_index, counts, sizes, a, b, points, stage_points, out):
    count, parts = points.shape[0], 64
    for c in numba.prange(parts):
        for g in range(len(counts)):
            lo, hi = max(start[g], c * count // parts), min(start[g + 1], (c + 1) * count // parts)
            if lo < hi:
                carry(control, n, time_index[g, : counts[g]], sizes[g], a, b, points, lo, hi, stage_points, out)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow_adjoint(control, n, start, time_index, counts, sizes, a, b, stage_points, grad, out, control_grad):
    # control_grad: [threads, T n^3 3], summed by the caller: no atomic additions, and the same sum every time
    parts, count = control_grad.shape[0], grad.shape[0]
    for c in numba.prange(parts):
        for g in range(len(counts)):
            lo, hi = max(start[g], c * count // parts), min(start[g + 1], (c + 1) * count // parts)
            if lo < hi:
                carry_adjoint(control, n, time_index[g, : counts[g]], sizes[g], a, b, stage_points, grad, lo, hi, out, control_grad[c])


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow_with_gradient(control, n, time_index, size, a, b, state):
    count, parts = state.shape[0], 64
    for c in numba.prange(parts):
        carry_with_gradient(control, n, time_index, size, a, b, c * count // parts, (c + 1) * count // parts, state)


def _arrays(start: tuple[int, ...], table: FlowTable) -> tuple[np.ndarray, ...]:
    return np.array(start, np.int64), table.time_index, table.counts, table.sizes, table.a, table.b


def flow(control: Tensor, points: Tensor, start: tuple[int, ...], table: FlowTable, store_stages: bool) -> tuple[Tensor, Tensor]:
    """Points [N, 3] carried along the velocity [T, n, n, n, 3]: [N, 3]; group g of them begins at start[g], the last entry is N.

    The second tensor is what the adjoint needs, if store_stages asks for it:
    [most steps, stages, N, 3], where the stages evaluated the velocity.
    """
    stage_points = torch.empty((*table.time_index.shape[1:], len(points), 3) if store_stages else (0, 1, 0, 3))
    out = torch.empty_like(points)
    _flow(control.reshape(-1).numpy(), control.shape[1], *_arrays(start, table), points.numpy(), stage_points.numpy(), out.numpy())
    return out, stage_points


def flow_adjoint(grad: Tensor, control: Tensor, stage_points: Tensor, start: tuple[int, ...], table: FlowTable) -> tuple[Tensor, Tensor]:
    """Gradients of control [T, n, n, n, 3] and points [N, 3] for the cotangent [N, 3] of the carried points."""
    out = torch.empty_like(grad)
    parts = torch.zeros(numba.get_num_threads(), control.numel())
    arrays = (tensor.numpy() for tensor in (stage_points, grad, out, parts))
    _flow_adjoint(control.reshape(-1).numpy(), control.shape[1], *_arrays(start, table), *arrays)
    return parts.sum(0).reshape(control.shape), out


def flow_with_gradient(control: Tensor, points: Tensor, table: FlowTable) -> tuple[Tensor, Tensor]:
    """Points [N, 3] of the table's one group carried along the velocity [T, n, n, n, 3], and their deformation gradients: [N, 3], [N, 3, 3]."""
    state = torch.cat([points, torch.eye(3).reshape(1, 9).expand(len(points), 9)], 1)
    arrays = (table.time_index[0], table.sizes[0], table.a, table.b, state.numpy())
    _flow_with_gradient(control.reshape(-1).numpy(), control.shape[1], *arrays)
    return state[:, :3].contiguous(), state[:, 3:].reshape(-1, 3, 3)
