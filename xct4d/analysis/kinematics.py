"""Every quantity that follows from the motion of a trained model, at some points and one time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from xct4d.analysis import motion, strain
from xct4d.analysis.strain import Deformation
from xct4d.analysis.uncertainty import Motions, attenuation_on_grid, interpolated
from xct4d.directions import SCAN_TIME
from xct4d.fields.evolution import Evolution


class Kinematics:
    """The motion of a trained model at one time; Kinematics.at gives what it is at points.

    motions: the samples of its posterior distribution; None where no
    uncertainty is asked for.
    """

    def __init__(self, evolution: Evolution, t: float, motions: Motions | None = None):
        self.evolution, self.t = evolution, t
        self._motions = motions

    def at(self, points: Tensor) -> LocalKinematics:
        """At points [N, 3] in world units."""
        return LocalKinematics(self, points)

    @cached_property
    def deviation(self):
        """Standard deviation of the displacement on a coarse grid (analysis.uncertainty)."""
        assert self._motions is not None
        return self._motions.deviation(self.t, attenuation_on_grid(self.evolution, self.t))


class LocalKinematics:
    """The motion at points [N, 3]; what several quantities share is computed once."""

    def __init__(self, whole: Kinematics, points: Tensor):
        self._whole, self._points = whole, points

    def value(self, quantity: str) -> Tensor:
        """A quantity of xct4d.quantities.ANALYSED in world units: [N] of a scalar, else [N, components]."""
        return OF_DEFORMATION[quantity](self.deformation) if quantity in OF_DEFORMATION else OF_MOTION[quantity](self)

    @cached_property
    def deformation(self) -> Deformation:
        """Of the material that is at the points at the time, since t = 0."""
        return Deformation.of_inverse(self._back[1])

    @cached_property
    def _back(self) -> tuple[Tensor, Tensor]:
        """Where the material at the points was at t = 0 [N, 3], and the derivative of that by the points [N, 3, 3]."""
        return self._whole.evolution.flow_with_gradient(self._points, self._whole.t, SCAN_TIME["forward"])

    def displacement(self) -> Tensor:
        """x - flow(x, t -> 0): [N, 3]."""
        if "_back" in vars(self):  # the strain has carried the points already
            return self._points - self._back[0]
        return motion.displacement(self._whole.evolution, self._points, self._whole.t)

    def lagrangian_displacement(self) -> Tensor:
        """flow(x, 0 -> t) - x: [N, 3]."""
        return self._whole.evolution.flow(self._points, SCAN_TIME["forward"], self._whole.t) - self._points

    def displacement_uncertainty(self) -> Tensor:
        """Standard deviation of the displacement in each direction: [N, 3]."""
        return interpolated(self._whole.deviation, self._points)

    def velocity(self) -> Tensor:
        """v(x, t): [N, 3]."""
        return motion.velocity(self._whole.evolution, self._points, self._whole.t)

    def mixing_coefficient(self) -> Tensor:
        """alpha(x, t): [N]."""
        return self._whole.evolution.alpha(self._points, self._whole.t)


OF_MOTION: dict[str, Callable[[LocalKinematics], Tensor]] = {
    "displacement": LocalKinematics.displacement,
    "displacement_uncertainty": LocalKinematics.displacement_uncertainty,
    "lagrangian_displacement": LocalKinematics.lagrangian_displacement,
    "velocity": LocalKinematics.velocity,
    "mixing_coefficient": LocalKinematics.mixing_coefficient,
}
OF_DEFORMATION: dict[str, Callable[[Deformation], Tensor]] = {
    "deformation_gradient": lambda its: its.gradient.reshape(-1, 9).masked_fill(its.folded[:, None], torch.nan),
    "jacobian": lambda its: its.jacobian,
    "equivalent_strain": lambda its: its.equivalent,
    "green_lagrange_strain": lambda its: strain.components(its.green_lagrange),
    "green_lagrange_principal": lambda its: its.green_lagrange_principal,
    "green_lagrange_invariants": lambda its: strain.invariants(its.green_lagrange_principal),
    "logarithmic_strain": lambda its: strain.components(its.logarithmic),
    "logarithmic_principal": lambda its: its.logarithmic_principal,
    "logarithmic_invariants": lambda its: strain.invariants(its.logarithmic_principal),
}
