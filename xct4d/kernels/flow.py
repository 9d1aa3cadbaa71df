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

__all__ = ["TABLEAUS", "FlowTable", "TimeSteps", "flow", "flow_with_gradient"]


def _cuda():
    from xct4d.kernels.cuda import flow

    return flow


FLOW = Twins(cpu.flow, lambda: _cuda().flow)
FLOW_ADJOINT = Twins(cpu.flow_adjoint, lambda: _cuda().flow_adjoint)
FLOW_WITH_GRADIENT = Twins(cpu.flow_with_gradient, lambda: _cuda().flow_with_gradient)


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


@torch.no_grad()
def flow_with_gradient(
    control: Tensor,  # [T, n, n, n, 3] float32 (time, z, y, x, component): velocity at table.times, world units per unit of time
    points: Tensor,  # [N, 3] float32 (x, y, z), world units: where they are at the start of the time steps
    table: FlowTable,  # of one group
) -> tuple[Tensor, Tensor]:  # [N, 3] float32: where they are at the stop; [N, 3, 3] float32
    """Points carried along the velocity, and their deformation gradients F[p, i, j] = dx_i(stop) / dx_j(start).

    F follows the variational equation dF/dt = (grad v) F, F = 1 at the start,
    integrated by the same steps as the points: it is the derivative of the
    positions that `flow` returns. Where the path leaves the box, the velocity is
    that of the nearest face, and so is constant along the axis left. For
    analysis: neither result is differentiable. Raises ValueError where the table
    has more than one group.
    """
    if len(table.groups) != 1:
        raise ValueError(f"flow_with_gradient takes the time steps of one group of points, not of {len(table.groups)}")
    if not table.groups[0].count:
        return points.clone(), torch.eye(3, device=points.device).repeat(len(points), 1, 1)
    return FLOW_WITH_GRADIENT(control.contiguous(), points.contiguous(), table)
