"""The velocity field: a cubic B-spline in space and time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from xct4d.device import sent
from xct4d.fields import storage
from xct4d.fields.conservation import Law
from xct4d.fields.time_spline import time_weights
from xct4d.kernels.flow import FlowTable, TimeSteps, flow, flow_with_gradient
from xct4d.kernels.shared import bspline_matrices as bspline


@lru_cache(256)
def _flow_table(spans: tuple[tuple[float, float], ...], longest_step: float, solver: str) -> FlowTable:
    return FlowTable(tuple(TimeSteps(start, stop, longest_step, solver) for start, stop in spans))


AXES = ("kc,tcbad->tkbad", "jb,tcbad->tcjad", "ia,tcbad->tcbid")  # a matrix along z, along y, along x of control points


def _along(axis: int, matrix: Tensor, control: Tensor) -> Tensor:
    """A matrix [m, n] for one axis of space, applied to control points [T, n, n, n, 3]."""
    return torch.einsum(AXES[axis], matrix, control)


@cache
def _bending_matrices(n: int, device: torch.device) -> tuple[Tensor, ...]:
    return tuple(sent(gram.astype(np.float32), device) for gram in bspline.bending_matrices(n))


class _BendingEnergy(torch.autograd.Function):
    """<c, K c>, summed over times, K from the matrices of the three axes. K c, computed for the energy, is kept for its gradient 2 K c."""

    @staticmethod
    def forward(ctx, control, matrices):
        value, first, second = matrices
        plain, sloped, curved = (_along(0, matrix, control) for matrix in matrices)
        # Each second derivative enters once, the mixed ones twice (d2/dxdy and d2/dydx).
        product = _along(2, value, _along(1, value, curved) + _along(1, second, plain) + 2 * _along(1, first, sloped))
        product += 2 * _along(2, first, _along(1, value, sloped) + _along(1, first, plain))
        product += _along(2, second, _along(1, value, plain))
        ctx.save_for_backward(product)
        return (product * control).sum()

    @staticmethod
    def backward(ctx, grad):
        (product,) = ctx.saved_tensors
        return 2 * grad * product, None


class VelocityField(nn.Module):
    """v(x, t), world units per unit of time. Control points [modes, n, n, n, 3]: time, z, y, x, component.

    The spline in time takes the place of the paper's time MLP: it too is a sum
    of spatial modes, but only four modes act at a time.
    """

    def __init__(self, resolution: int, modes: int, *, longest_step: float, solver: str, law: Law = "attenuation"):
        """law: the law of conservation of moving material (fields.conservation)."""
        super().__init__()
        self.law = law
        self.resolution = resolution
        self.modes = modes
        self.longest_step = longest_step
        self.solver = solver
        self.control = nn.Parameter(torch.zeros(modes, resolution, resolution, resolution, 3))

    def at(self, times: np.ndarray) -> Tensor:
        """Control points in space at times [T]: [T, n, n, n, 3]."""
        weights = time_weights(self.modes, times, self.control.device)
        return (weights @ self.control.reshape(self.modes, -1)).reshape(len(weights), *self.control.shape[1:])

    def flow(self, points: Tensor, start: float, stop: float) -> Tensor:
        """Points [N, 3] carried from time start to time stop."""
        return self.flow_together([points], [(start, stop)])[0]

    def flow_together(self, groups: Sequence[Tensor], spans: Sequence[tuple[float, float]]) -> list[Tensor]:
        """Groups of points [N_g, 3], each carried from its start to its stop (times), all at once."""
        table = _flow_table(tuple(spans), self.longest_step, self.solver)
        if not len(table.times):
            return list(groups)
        return flow(self.at(table.times), groups, table)

    @torch.no_grad()
    def flow_with_gradient(self, points: Tensor, start: float, stop: float) -> tuple[Tensor, Tensor]:
        """Points [N, 3] carried from time start to time stop, and dx(stop)/dx(start) [N, 3, 3]; not differentiable."""
        table = _flow_table(((start, stop),), self.longest_step, self.solver)
        if not len(table.times):
            return points, torch.eye(3, device=points.device).expand(len(points), 3, 3)
        return flow_with_gradient(self.at(table.times), points, table)

    def refined(self, resolution: int) -> VelocityField:
        """The same field with more control points per axis: exact on the ladder n -> 2n - 3, else least squares."""
        out = VelocityField(resolution, self.modes, longest_step=self.longest_step, solver=self.solver, law=self.law)
        matrix = sent(self._refinement(resolution).astype(np.float32), self.control.device)
        with torch.no_grad():
            out.control.copy_(_along(2, matrix, _along(1, matrix, _along(0, matrix, self.control))))
        return out.to(matrix.device)

    def _refinement(self, resolution: int) -> np.ndarray:
        # 9 -> 27 is two exact halvings: follow the ladder as far as it goes.
        ladder, matrix = self.resolution, np.eye(self.resolution)
        while 2 * ladder - 3 <= resolution:
            matrix = bspline.refinement(ladder, 2 * ladder - 3) @ matrix
            ladder = 2 * ladder - 3
        return matrix if ladder == resolution else bspline.refinement(ladder, resolution) @ matrix

    def stretch_rate(self, points: Tensor, directions: Tensor, t: float) -> Tensor:
        """d . (grad v) d at points [N, 3] along unit directions d [N, 3] and time t, by central differences: [N].

        The component of the strain rate along d; rigid motions have none.
        """
        step = 0.25 * 2 / (self.resolution - 3) * directions  # a quarter of the control points' spacing
        control = self.at(np.array([t]))
        around = [points + step, points - step]
        ahead, behind = flow(control, around, FlowTable(2 * (TimeSteps(0.0, 1.0, 1.0, "euler"),)))  # one step of unit length: x + v(x)
        return ((ahead - behind - 2 * step) * directions).sum(-1) / (2 * step.norm(dim=-1))

    def bending_energy(self, times: np.ndarray) -> Tensor:
        """Mean over times of the integral over the box of all squared second derivatives of v."""
        control = self.at(times)
        return _BendingEnergy.apply(control, _bending_matrices(self.resolution, control.device)) / len(control)

    def save(self, path: Path) -> None:
        settings = {
            "resolution": self.resolution,
            "modes": self.modes,
            "longest_step": self.longest_step,
            "solver": self.solver,
            "law": self.law,
        }
        storage.write(path, "velocity", settings, {"control": self.control})

    @classmethod
    def load(cls, path: Path) -> VelocityField:
        """Read what `save` wrote. Raises InputError where it is missing, damaged or holds another kind of field."""
        settings, tensors = storage.read(path, "velocity")
        field = cls(settings.pop("resolution"), settings.pop("modes"), **settings)
        with torch.no_grad():
            field.control.copy_(tensors["control"])
        return field
