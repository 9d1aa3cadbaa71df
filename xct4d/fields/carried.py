"""Both scans carried along the motion to any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.conservation import carried_attenuation
from xct4d.fields.velocity import VelocityField


class Scan(Protocol):
    """A scan at its own time; `fields.baked.BakedField` is one."""

    @property
    def volume(self) -> Tensor:
        """Attenuation [n, n, n] (z, y, x) at voxel centres, per world unit."""

    def __call__(self, points: Tensor) -> Tensor:
        """Attenuation [N] at points [N, 3]."""


class CarriedScans:
    """Attenuation of each scan's material at a time t, by the law of conservation of the motion (fields.conservation)."""

    def __init__(self, scan: Mapping[Direction, Scan], motion: VelocityField):
        self.scan = scan
        self.motion = motion

    def density(self, direction: Direction, points: Tensor, time: float) -> Tensor:
        """Attenuation [N] of one scan, carried to a time, at points [N, 3]."""
        return carried_attenuation(self.scan[direction], self.motion, points, time, SCAN_TIME[direction])

    def both_densities(self, points: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """Attenuation [N] of the forward and of the backward scan, both carried to a time, at points [N, 3]."""
        if self.motion.law == "mass":
            return self.density("forward", points, time), self.density("backward", points, time)
        carried = self.motion.flow_together([points, points], [(time, SCAN_TIME["forward"]), (time, SCAN_TIME["backward"])])
        return self.scan["forward"](carried[0]), self.scan["backward"](carried[1])

    def blended(self, points: Tensor, time: float, alpha: Tensor | float) -> Tensor:
        """(1 - alpha) forward + alpha backward, both carried to a time, at points [N, 3]: [N]."""
        return torch.lerp(self.density("forward", points, time), self.density("backward", points, time), alpha)
