"""As kernels.flow: a thread carries a point through all steps, the points of a block visit the same times together."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numba import cuda
from torch import Tensor

from xct4d.kernels.bspline import vector_adjoint, vector_at
from xct4d.kernels.cuda.launch import each, kernel
from xct4d.kernels.flow import TABLEAUS, Path


@kernel
def _flow(control, n, visit, step, reach, share, points, keep, trail, out):
    p = cuda.grid(1)
    if p >= points.shape[0]:
        return
    x, y, z = points[p, 0], points[p, 1], points[p, 2]
    size = 3 * n * n * n
    for k in range(visit.shape[0]):
        zero = np.float32(0.0)
        u, v, w = zero, zero, zero
        mx, my, mz = zero, zero, zero
        for s in range(visit.shape[1]):
            ahead, part = step * reach[s], step * share[s]
            sx, sy, sz = x + ahead * u, y + ahead * v, z + ahead * w
            if keep:
                trail[k, s, p, 0], trail[k, s, p, 1], trail[k, s, p, 2] = sx, sy, sz
            u, v, w = vector_at(control, visit[k, s] * size, n, sx, sy, sz)
            mx += part * u
            my += part * v
            mz += part * w
        x += mx
        y += my
        z += mz
    out[p, 0], out[p, 1], out[p, 2] = x, y, z


@kernel
def _flow_adjoint(control, n, visit, step, reach, share, trail, grad, out, control_grad):
    p = cuda.grid(1)
    if p >= grad.shape[0]:
        return
    zero = np.float32(0.0)
    gx, gy, gz = grad[p, 0], grad[p, 1], grad[p, 2]
    size = 3 * n * n * n
    stages = visit.shape[1]
    for k in range(visit.shape[0] - 1, -1, -1):
        px, py, pz = zero, zero, zero  # cotangent of the stage position after this one
        tx, ty, tz = zero, zero, zero
        for s in range(stages - 1, -1, -1):
            part, ahead = step * share[s], zero
            if s + 1 < stages:
                ahead = step * reach[s + 1]
            u, v, w = part * gx + ahead * px, part * gy + ahead * py, part * gz + ahead * pz
            if u == zero and v == zero and w == zero:
                px, py, pz = zero, zero, zero
            else:
                base = visit[k, s] * size
                px, py, pz = vector_adjoint(
                    control, base, n, trail[k, s, p, 0], trail[k, s, p, 1], trail[k, s, p, 2], u, v, w, control_grad, base
                )
                tx += px
                ty += py
                tz += pz
        gx += tx
        gy += ty
        gz += tz
    out[p, 0], out[p, 1], out[p, 2] = gx, gy, gz


@functools.lru_cache(256)
def _tables(path: Path, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    tableau = TABLEAUS[path.solver]
    tables = (path.visit, np.array(tableau.reach, np.float32), np.array(tableau.share, np.float32))
    return tuple(torch.from_numpy(table).to(device, non_blocking=True) for table in tables)


def carried(control: Tensor, points: Tensor, path: Path, keep: bool) -> tuple[Tensor, Tensor]:
    visit, reach, share = _tables(path, points.device)
    trail = points.new_empty((*visit.shape, len(points), 3) if keep else (1, 1, 1, 3))
    out = torch.empty_like(points)
    each(_flow, len(points), control.reshape(-1), control.shape[1], visit, np.float32(path.step), reach, share, points, keep, trail, out)
    return out, trail


def carried_adjoint(grad: Tensor, control: Tensor, trail: Tensor, path: Path) -> tuple[Tensor, Tensor]:
    visit, reach, share = _tables(path, grad.device)
    out, control_grad = torch.empty_like(grad), torch.zeros_like(control)
    arguments = (visit, np.float32(path.step), reach, share, trail, grad, out, control_grad.view(-1))
    each(_flow_adjoint, len(grad), control.reshape(-1), control.shape[1], *arguments)
    return control_grad, out
