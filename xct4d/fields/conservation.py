"""The law of conservation for moving material: it keeps its attenuation, or its mass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

# attenuation: mu(x, t) = mu_d(y), y = flow(x, t -> t_d) with scan d at time t_d.
# mass: mu(x, t) = mu_d(y) det(dy/dx), the continuity equation: what is compressed becomes denser.
Law = Literal["attenuation", "mass"]
LAWS: tuple[Law, ...] = ("attenuation", "mass")


class Motion(Protocol):
    """A motion and the law that material keeps under it; `fields.velocity.VelocityField` is one."""

    law: Law

    def flow(self, points: Tensor, start: float, stop: float) -> Tensor:
        """Points [N, 3] carried from time start to time stop."""

    def flow_with_gradient(self, points: Tensor, start: float, stop: float) -> tuple[Tensor, Tensor]:
        """The same, and dx(stop)/dx(start) [N, 3, 3]."""


def carried_attenuation(scan: Callable[[Tensor], Tensor], motion: Motion, points: Tensor, t: float, scan_time: float) -> Tensor:
    """Attenuation [N] at points [N, 3] and time t of the material of a scan, by the law of conservation that holds for the motion.

    scan: attenuation [N] at points [N, 3] at the scan's time. Where mass is
    conserved, the result has no gradient with respect to the motion.
    """
    if motion.law == "attenuation":
        return scan(motion.flow(points, t, scan_time))
    places, gradient = motion.flow_with_gradient(points, t, scan_time)
    return scan(places) * torch.linalg.det(gradient)
