"""How the material of a trained model moves, in world units and normalised time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.directions import SCAN_TIME
from xct4d.fields.evolution import Evolution
from xct4d.kernels import bspline


@torch.no_grad()
def displacement(evolution: Evolution, points: Tensor, t: float) -> Tensor:
    """Displacement since t = 0 of the material that is at points [N, 3] at time t: x - flow(x, t -> 0), [N, 3]."""
    return points - evolution.flow(points, t, SCAN_TIME["forward"])


@torch.no_grad()
def velocity(evolution: Evolution, points: Tensor, t: float) -> Tensor:
    """v(x, t) at points [N, 3] and time t: [N, 3]. Outside the box it is that of the nearest face."""
    control = evolution.velocity.at(np.array([t]))[0]
    places = points.to(evolution.device)
    return torch.stack([bspline.sample(component.contiguous(), places) for component in control.unbind(-1)], -1).to(points.device)
