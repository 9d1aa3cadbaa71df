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

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.dispatch import per_device
from xct4d.kernels.rows import vector_adjoint, vector_at


@dataclass(frozen=True)
class Tableau:
    """Stage s is at x + h reach[s] k[s-1] and time t + h place[s]; the step is h sum(share[s] k[s])."""

    reach: tuple[float, ...]
    place: tuple[float, ...]
    share: tuple[float, ...]


TABLEAUS = {
    "euler": Tableau((0.0,), (0.0,), (1.0,)),
    "midpoint": Tableau((0.0, 0.5), (0.0, 0.5), (0.0, 1.0)),
    "rk4": Tableau((0.0, 0.5, 0.5, 1.0), (0.0, 0.5, 0.5, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}


@dataclass(frozen=True)
class Path:
    """The steps of a solver from time `start` to time `stop`, none longer than `longest`."""

    start: float
    stop: float
    longest: float
    solver: str

    @cached_property
    def steps(self) -> int:
        return math.ceil(abs(self.stop - self.start) / self.longest - 1e-9)

    @property
    def step(self) -> float:
        return (self.stop - self.start) / max(self.steps, 1)

    @property
    def moments(self) -> np.ndarray:
        """[steps, stages] float64: the time of each stage."""
        place = np.array(TABLEAUS[self.solver].place)
        return (self.start + self.step * (np.arange(self.steps)[:, None] + place)).round(12)


@dataclass(frozen=True)
class Journey:
    """Groups of points that travel together, each on a path of its own; all by the same solver."""

    paths: tuple[Path, ...]

    @cached_property
    def times(self) -> np.ndarray:
        """[T] float64: the times at which the velocity is needed, by whichever group."""
        return np.unique(np.concatenate([path.moments.ravel() for path in self.paths]))

    @cached_property
    def visit(self) -> np.ndarray:
        """[groups, most steps, stages] int64: which of `times` each stage uses; no matter what beyond a group's own steps."""
        moments = [path.moments for path in self.paths]
        out = np.zeros((len(moments), max(self.steps), moments[0].shape[1]), np.int64)
        for group, own in enumerate(moments):
            out[group, : len(own)] = np.searchsorted(self.times, own)
        return out

    @cached_property
    def steps(self) -> np.ndarray:
        """[groups] int64."""
        return np.array([path.steps for path in self.paths], np.int64)

    @cached_property
    def step(self) -> np.ndarray:
        """[groups] float32: length of a step in time."""
        return np.array([path.step for path in self.paths], np.float32)

    @cached_property
    def reach(self) -> np.ndarray:  # [stages] float32
        return np.array(TABLEAUS[self.paths[0].solver].reach, np.float32)

    @cached_property
    def share(self) -> np.ndarray:  # [stages] float32
        return np.array(TABLEAUS[self.paths[0].solver].share, np.float32)


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


def _tables(first: tuple[int, ...], journey: Journey) -> tuple:
    return np.array(first, np.int64), journey.visit, journey.steps, journey.step, journey.reach, journey.share


@per_device
def carried(control: Tensor, points: Tensor, first: tuple[int, ...], journey: Journey, keep: bool) -> tuple[Tensor, Tensor]:
    """Points at the end of their paths, and the stage positions on the way where `keep` asks for them; group g begins at first[g]."""
    trail = torch.empty((*journey.visit.shape[1:], len(points), 3) if keep else (0, 1, 0, 3))
    out = torch.empty_like(points)
    _flow(control.reshape(-1).numpy(), control.shape[1], *_tables(first, journey), points.numpy(), trail.numpy(), out.numpy())
    return out, trail


@per_device
def carried_adjoint(grad: Tensor, control: Tensor, trail: Tensor, first: tuple[int, ...], journey: Journey) -> tuple[Tensor, Tensor]:
    """Gradients of the control points and of the points at the start of their paths."""
    out = torch.empty_like(grad)
    parts = torch.zeros(numba.get_num_threads(), control.numel())
    arrays = (tensor.numpy() for tensor in (trail, grad, out, parts))
    _flow_adjoint(control.reshape(-1).numpy(), control.shape[1], *_tables(first, journey), *arrays)
    return parts.sum(0).reshape(control.shape), out


class _Flow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control, points, first, journey):
        out, trail = carried(control.detach(), points.detach(), first, journey, any(ctx.needs_input_grad))
        ctx.first, ctx.journey = first, journey
        ctx.save_for_backward(control, trail)
        return out

    @staticmethod
    def backward(ctx, grad):
        control, trail = ctx.saved_tensors
        return *carried_adjoint(grad.contiguous(), control.detach(), trail, ctx.first, ctx.journey), None, None


def flow(
    control: Tensor,  # [T, n, n, n, 3] float32 (time, z, y, x, component): velocity at journey.times
    groups: Sequence[Tensor],  # of points [N_g, 3] float32 (x, y, z), each where its path starts
    journey: Journey,
) -> list[Tensor]:  # [N_g, 3] float32 where the paths stop
    """Points carried along the velocity, all groups at once; differentiable in the control points and the points."""
    sizes = [len(group) for group in groups]
    first = (0, *accumulate(sizes))
    return list(_Flow.apply(control.contiguous(), torch.cat(list(groups)).contiguous(), first, journey).split(sizes))
