"""Penalties on the motion itself: strain of solid material and bending of the velocity field."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.velocity import VelocityField
from xct4d.training.sampling.draws import DirectedDraw
from xct4d.training.sampling.points import chosen_points, random_directions


class StrainRate:
    """Mean squared strain rate inside solid material, along random directions, at the time of the drawn projections.

    Rigid motion has none. Only where there is material: the motion of empty
    space is free.
    """

    def __init__(self, motion: VelocityField, solid: Mapping[Direction, Tensor], points: int):
        """solid: points [M, 3] inside the material of each scan. points: how many in a step."""
        self._motion, self._solid, self._points = motion, solid, points

    def __call__(self, drawn: DirectedDraw) -> Tensor:
        count, time = drawn.micro_batch.part_of(self._points), drawn.time_point.mean_time
        material = chosen_points(self._solid[drawn.direction], drawn.random, count)
        with torch.no_grad():
            material = self._motion.flow(material, SCAN_TIME[drawn.direction], time)
        along = random_directions(drawn.random, count, drawn.device)
        return self._motion.stretch_rate(material, along, time).square().mean()


class BendingEnergy:
    """Bending energy of the velocity field at a random time."""

    def __init__(self, motion: VelocityField):
        self._motion = motion

    def __call__(self, drawn: DirectedDraw) -> Tensor:
        return self._motion.bending_energy(drawn.random.uniform(size=1))
