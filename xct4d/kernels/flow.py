"""The flow of a velocity field and its adjoint.

A batch of points moves from one time to another along dx/dt = v(x, t), v a
B-spline whose control points are given at the times the solver visits. The
solvers are explicit Runge-Kutta methods whose every stage uses only the stage
before (Euler, midpoint, the classical RK4), so a tableau is two short lists.

The kernels walk through time with all points of a thread abreast: the control
points of one stage then stay in the cache whatever n is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.kernels.bspline import vector_adjoint, vector_at
from xct4d.kernels.dispatch import per_device


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
        return (self.stop - self.start) / self.steps

    @cached_property
    def _visits(self) -> tuple[np.ndarray, np.ndarray]:
        place = np.array(TABLEAUS[self.solver].place)
        times = self.start + self.step * (np.arange(self.steps)[:, None] + place)
        visited, which = np.unique(times.round(12), return_inverse=True)
        return visited, which.reshape(times.shape).astype(np.int64)

    @property
    def times(self) -> np.ndarray:
        """[T] float64: the times at which the velocity is needed."""
        return self._visits[0]

    @property
    def visit(self) -> np.ndarray:
        """[steps, stages] int64: which of `times` each stage uses."""
        return self._visits[1]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow(control, n, visit, step, reach, share, points, trail, out):
    # trail: [steps, stages, N, 3] receives the stage positions; the adjoint reads them.
    count, parts = points.shape[0], 64
    steps, stages = visit.shape
    size = 3 * n * n * n
    keep = trail.shape[0] > 0
    for c in numba.prange(parts):
        lo, hi = c * count // parts, (c + 1) * count // parts
        slope = np.empty((hi - lo, 3), np.float32)
        for p in range(lo, hi):
            for d in range(3):
                out[p, d] = points[p, d]
        moved = np.empty((hi - lo, 3), np.float32)
        for k in range(steps):
            moved[:] = np.float32(0.0)
            for s in range(stages):
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


@numba.njit(parallel=True, fastmath=True, cache=True)
def _flow_adjoint(control, n, visit, step, reach, share, trail, grad, out, control_grad):
    # control_grad: [threads, T n^3 3], one buffer a thread: no atomics, and the same sum every time.
    parts, count = control_grad.shape[0], grad.shape[0]
    steps, stages = visit.shape
    size = 3 * n * n * n
    for c in numba.prange(parts):
        lo, hi = c * count // parts, (c + 1) * count // parts
        mine = control_grad[c]
        pull = np.zeros((hi - lo, 3), np.float32)  # cotangent of the stage position after this one
        total = np.empty((hi - lo, 3), np.float32)
        for p in range(lo, hi):
            for d in range(3):
                out[p, d] = grad[p, d]
        for k in range(steps - 1, -1, -1):
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
                    gx, gy, gz = vector_adjoint(control, base, n, x, y, z, u, v, w, mine, base)
                    pull[q, 0], pull[q, 1], pull[q, 2] = gx, gy, gz
                    total[q, 0] += gx
                    total[q, 1] += gy
                    total[q, 2] += gz
            for p in range(lo, hi):
                for d in range(3):
                    out[p, d] += total[p - lo, d]


def _tableau(path: Path) -> tuple[np.ndarray, np.ndarray]:
    tableau = TABLEAUS[path.solver]
    return np.array(tableau.reach, np.float32), np.array(tableau.share, np.float32)


@per_device
def carried(control: Tensor, points: Tensor, path: Path, keep: bool) -> tuple[Tensor, Tensor]:
    """Points at path.stop, and the stage positions on the way where `keep` asks for them."""
    steps, stages = path.visit.shape
    trail = torch.empty((steps, stages, len(points), 3) if keep else (0, stages, 0, 3))
    out = torch.empty_like(points)
    tables = (path.visit, np.float32(path.step), *_tableau(path))
    _flow(control.reshape(-1).numpy(), control.shape[1], *tables, points.numpy(), trail.numpy(), out.numpy())
    return out, trail


@per_device
def carried_adjoint(grad: Tensor, control: Tensor, trail: Tensor, path: Path) -> tuple[Tensor, Tensor]:
    """Gradients of the control points and of the points at path.start."""
    out = torch.empty_like(grad)
    parts = torch.zeros(numba.get_num_threads(), control.numel())
    tables = (path.visit, np.float32(path.step), *_tableau(path))
    _flow_adjoint(control.reshape(-1).numpy(), control.shape[1], *tables, trail.numpy(), grad.numpy(), out.numpy(), parts.numpy())
    return parts.sum(0).reshape(control.shape), out


class _Flow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control, points, path):
        out, trail = carried(control.detach(), points.detach(), path, any(ctx.needs_input_grad))
        ctx.path = path
        ctx.save_for_backward(control, trail)
        return out

    @staticmethod
    def backward(ctx, grad):
        control, trail = ctx.saved_tensors
        return *carried_adjoint(grad.contiguous(), control.detach(), trail, ctx.path), None


def flow(
    control: Tensor,  # [T, n, n, n, 3] float32 (time, z, y, x, component): velocity at path.times
    points: Tensor,  # [N, 3] float32 (x, y, z) at path.start
    path: Path,
) -> Tensor:  # [N, 3] float32 at path.stop
    """Points carried along the velocity; differentiable in the control points and the points."""
    if path.start == path.stop:
        return points
    return _Flow.apply(control.contiguous(), points.contiguous(), path)
