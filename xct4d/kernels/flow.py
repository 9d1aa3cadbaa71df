"""The flow of a velocity field and its adjoint.

Points move from one time to another along dx/dt = v(x, t), v a B-spline whose
control points are given at the times the solver visits; several groups of
points, each between times of its own, move in one go. The
solvers are explicit Runge-Kutta methods whose every stage uses only the stage
before (Euler, midpoint, the classical RK4), so a tableau is two short lists.

The kernels for CPUs walk through time with all points of a thread abreast: the
control points of one stage then stay in the cache whatever n is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device
from xct4d.kernels.rows import vector_adjoint, vector_at
from xct4d.kernels.shared.time_steps import TABLEAUS, FlowTable, TimeSteps

__all__ = ["TABLEAUS", "FlowTable", "TimeSteps", "flow"]


@numba.njit(fastmath=True)
def go(control, n, visit, step, reach, share, points, lo, hi, trail, out):
    """Carry points lo to hi along the path with these visits [steps, stages]."""
    slope, moved = np.empty((hi - lo, 3), np.float32), np.empty((hi - lo, 3), np.float32)
    size = 3 * n * n * n
    keep = trail.shape[0] > 0
    for p in range(lo, hi):
        for d in range(3):
            out[p, d] = points[p, d]
    for k in range(visit.shape[0]):
        moved[:] = np.float32(0.0)
        for s in range(visit.shape[1]):
            base = visit[k, s] * size
            ahead, part = step * reach[s], step * share[s]
            for p in range(lo, hi):
                q = p - lo
                x, y, z = out[p, 0], out[p, 1], out[p, 2]
                if s > 0:
                    x += ahead * slope[q, 0]
                    y += ahead * slope[q, 1]
                    z += ahead * slope[q, 2]
                if keep:
                    trail[k, s, p, 0], trail[k, s, p, 1], trail[k, s, p, 2] = x, y, z
                u, v, w = vector_at(control, base, n, x, y, z)
                slope[q, 0], slope[q, 1], slope[q, 2] = u, v, w
                moved[q, 0] += part * u
                moved[q, 1] += part * v
                moved[q, 2] += part * w
        for p in range(lo, hi):
            for d in range(3):
                out[p, d] += moved[p - lo, d]


@numba.njit(fastmath=True)
def go_back(control, n, visit, step, reach, share, trail, grad, lo, hi, out, control_grad):
    """Adjoint of `go`: adds to control_grad, and gives points lo to hi their gradients."""
    pull = np.zeros((hi - lo, 3), np.float32)  # cotangent of the stage position after this one
    total = np.empty((hi - lo, 3), np.float32)
    size, stages = 3 * n * n * n, visit.shape[1]
    for p in range(lo, hi):
        for d in range(3):
            out[p, d] = grad[p, d]
    for k in range(visit.shape[0] - 1, -1, -1):
        total[:] = np.float32(0.0)
        for s in range(stages - 1, -1, -1):
            base = visit[k, s] * size
            part = step * share[s]
            ahead = step * reach[s + 1] if s + 1 < stages else np.float32(0.0)
            for p in range(lo, hi):
                q = p - lo
                u = part * out[p, 0] + ahead * pull[q, 0]
                v = part * out[p, 1] + ahead * pull[q, 1]
                w = part * out[p, 2] + ahead * pull[q, 2]
                if u == 0.0 and v == 0.0 and w == 0.0:  # where the density is flat nothing pulls
                    pull[q, 0] = pull[q, 1] = pull[q, 2] = np.float32(0.0)
                    continue
                x, y, z = trail[k, s, p, 0], trail[k, s, p, 1], trail[k, s, p, 2]
                gx, gy, gz = vector_adjoint(control, base, n, x, y, z, u, v, w, control_grad, base)
                pull[q, 0], pull[q, 1], pull[q, 2] = gx, gy, gz
                total[q, 0] += gx
                total[q, 1] += gy
                total[q, 2] += gz
        for p in range(lo, hi):
            for d in range(3):
                out[p, d] += total[p - lo, d]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow(control, n, first, visit, steps, step, reach, share, points, trail, out):
    # trail: [steps, stages, N, 3] receives the stage positions; the adjoint reads them.
    count, parts = points.shape[0], 64
    for c in numba.prange(parts):
        for g in range(len(steps)):
            lo, hi = max(first[g], c * count // parts), min(first[g + 1], (c + 1) * count // parts)
            if lo < hi:
                go(control, n, visit[g, : steps[g]], step[g], reach, share, points, lo, hi, trail, out)


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow_adjoint(control, n, first, visit, steps, step, reach, share, trail, grad, out, control_grad):
    # control_grad: [threads, T n^3 3], one buffer a thread: no atomics, and the same sum every time.
    parts, count = control_grad.shape[0], grad.shape[0]
    for c in numba.prange(parts):
        for g in range(len(steps)):
            lo, hi = max(first[g], c * count // parts), min(first[g + 1], (c + 1) * count // parts)
            if lo < hi:
                go_back(control, n, visit[g, : steps[g]], step[g], reach, share, trail, grad, lo, hi, out, control_grad[c])


def _tables(first: tuple[int, ...], table: FlowTable) -> tuple:
    return np.array(first, np.int64), table.time_index, table.counts, table.sizes, table.a, table.b


@per_device
def carried(control: Tensor, points: Tensor, first: tuple[int, ...], table: FlowTable, keep: bool) -> tuple[Tensor, Tensor]:
    """Points at the end of their paths, and the stage positions on the way where `keep` asks for them; group g begins at first[g]."""
    trail = torch.empty((*table.time_index.shape[1:], len(points), 3) if keep else (0, 1, 0, 3))
    out = torch.empty_like(points)
    _flow(control.reshape(-1).numpy(), control.shape[1], *_tables(first, table), points.numpy(), trail.numpy(), out.numpy())
    return out, trail


@per_device
def carried_adjoint(grad: Tensor, control: Tensor, trail: Tensor, first: tuple[int, ...], table: FlowTable) -> tuple[Tensor, Tensor]:
    """Gradients of the control points and of the points at the start of their paths."""
    out = torch.empty_like(grad)
    parts = torch.zeros(numba.get_num_threads(), control.numel())
    arrays = (tensor.numpy() for tensor in (trail, grad, out, parts))
    _flow_adjoint(control.reshape(-1).numpy(), control.shape[1], *_tables(first, table), *arrays)
    return parts.sum(0).reshape(control.shape), out


class _Flow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control, points, first, table):
        out, trail = carried(control.detach(), points.detach(), first, table, any(ctx.needs_input_grad))
        ctx.first, ctx.table = first, table
        ctx.save_for_backward(control, trail)
        return out

    @staticmethod
    def backward(ctx, grad):
        control, trail = ctx.saved_tensors
        return *carried_adjoint(grad.contiguous(), control.detach(), trail, ctx.first, ctx.table), None, None


def flow(
    control: Tensor,  # [T, n, n, n, 3] float32 (time, z, y, x, component): velocity at table.times
    groups: Sequence[Tensor],  # of points [N_g, 3] float32 (x, y, z), each where its path starts
    table: FlowTable,
) -> list[Tensor]:  # [N_g, 3] float32 where the paths stop
    """Points carried along the velocity, all groups at once; differentiable in the control points and the points."""
    sizes = [len(group) for group in groups]
    first = (0, *accumulate(sizes))
    return list(_Flow.apply(control.contiguous(), torch.cat(list(groups)).contiguous(), first, table).split(sizes))
