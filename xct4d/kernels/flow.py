"""The flow of a velocity field: points carried along dx/dt = v(x, t) by an explicit Runge-Kutta solver.

v is a B-spline in space whose control points are given at the times at which
the solver evaluates it (FlowTable.times). Several groups of points, each from a
time to a time of its own, are carried by one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from xct4d.kernels.cpu import flow as cpu
from xct4d.kernels.dispatch import Twins
from xct4d.kernels.shared.time_steps import TABLEAUS, FlowTable, TimeSteps

__all__ = ["TABLEAUS", "FlowTable", "TimeSteps", "flow"]


def _cuda():
    from xct4d.kernels.cuda import flow

    return flow


FLOW = Twins(cpu.flow, lambda: _cuda().flow)
FLOW_ADJOINT = Twins(cpu.flow_adjoint, lambda: _cuda().flow_adjoint)


class _Flow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, control, points, start, table):
        out, stage_points = FLOW(control.detach(), points.detach(), start, table, any(ctx.needs_input_grad))
        ctx.start, ctx.table = start, table
        ctx.save_for_backward(control, stage_points)
        return out

    @staticmethod
    def backward(ctx, grad):
        control, stage_points = ctx.saved_tensors
        return *FLOW_ADJOINT(grad.contiguous(), control.detach(), stage_points, ctx.start, ctx.table), None, None


def flow(
    control: Tensor,  # [T, n, n, n, 3] float32 (time, z, y, x, component): velocity at table.times, world units per unit of time
    groups: Sequence[Tensor],  # of points [N_g, 3] float32 (x, y, z), world units: where they are at the start of their time steps
    table: FlowTable,
) -> list[Tensor]:  # [N_g, 3] float32: where they are at the stop
    """Groups of points carried along the velocity, each through its own time steps; differentiable in the control points and the points."""
    start = (0, *accumulate(len(group) for group in groups))
    points = torch.cat(list(groups)).contiguous()
    return list(_Flow.apply(control.contiguous(), points, start, table).split([len(group) for group in groups]))
