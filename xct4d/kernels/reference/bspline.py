"""Splines and flows in plain torch, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from xct4d.kernels.shared.time_steps import TABLEAUS, FlowTable


def sample(control: Tensor, points: Tensor) -> Tensor:
    """A spline [n, n, n, C] (z, y, x, component) at points [N, 3] (x, y, z): [N, C]."""
    n = control.shape[0]
    p = ((points + 1) * 0.5 * (n - 3)).clamp(0, n - 3)
    first = p.detach().floor().clamp(max=n - 4)
    f = p - first
    g = 1 - f
    four = torch.stack([g**3 / 6, 2 / 3 - f**2 + f**3 / 2, 2 / 3 - g**2 + g**3 / 2, f**3 / 6], -1)  # [N, 3, 4]
    index = first.long().unsqueeze(-1) + torch.arange(4, device=points.device)
    i, j, k = index.unbind(1)
    near = control[k[:, :, None, None], j[:, None, :, None], i[:, None, None, :]]  # [N, 4, 4, 4, C]
    wx, wy, wz = four.unbind(1)
    return torch.einsum("nk,nj,ni,nkjic->nc", wz, wy, wx, near)


def sample_vector_with_gradient(control: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """As kernels.bspline.sample_vector_with_gradient."""
    return _with_gradient(lambda x: sample(control, x), points)


def flow_with_gradient(control: Tensor, points: Tensor, table: FlowTable) -> tuple[Tensor, Tensor]:
    """As kernels.flow.flow_with_gradient."""
    return _with_gradient(lambda x: flow(control, [x], table)[0], points)


def _with_gradient(function: Callable[[Tensor], Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    """Values [N, C] of a function at points [N, 3], each of which depends on its own point only, and their derivatives [N, C, 3]."""
    x = points.detach().requires_grad_()
    values = function(x)
    gradients = [torch.autograd.grad(component.sum(), x, retain_graph=True)[0] for component in values.unbind(1)]
    return values.detach(), torch.stack(gradients, 1)


def flow(control: Tensor, groups: Sequence[Tensor], table: FlowTable) -> list[Tensor]:
    """As kernels.flow.flow."""
    out = []
    for points, steps, time_index in zip(groups, table.groups, table.time_index, strict=True):
        tableau = TABLEAUS[steps.solver]
        for times in time_index[: steps.count]:
            change, slope = 0, 0
            for a, b, time in zip(tableau.a, tableau.b, times, strict=True):
                slope = sample(control[time], points + steps.size * a * slope)
                change = change + b * slope
            points = points + steps.size * change
        out.append(points)
    return out
