"""What moving material keeps: its attenuation, or its mass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from xct4d.fields.velocity import VelocityField

# attenuation: mu(x, t) = mu_d(y), y = flow(x, t -> t_d) with scan d at time t_d.
# mass: mu(x, t) = mu_d(y) det(dy/dx), the continuity equation: what is compressed becomes denser.
Law = Literal["attenuation", "mass"]
LAWS: tuple[Law, ...] = ("attenuation", "mass")


def carried_attenuation(scan: Callable[[Tensor], Tensor], motion: VelocityField, points: Tensor, t: float, scan_time: float) -> Tensor:
    """Attenuation [N] at points [N, 3] and time t of the material of a scan, by the law that the motion keeps.

    scan: attenuation [N] at points [N, 3] at the scan's time. Where mass is
    kept, the result has no gradient by the motion.
    """
    if motion.law == "attenuation":
        return scan(motion.flow(points, t, scan_time))
    places, gradient = motion.flow_with_gradient(points, t, scan_time)
    return scan(places) * torch.linalg.det(gradient)
