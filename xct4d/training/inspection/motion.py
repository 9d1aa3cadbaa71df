"""What TensorBoard shows of a motion while it is fitted."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent
from xct4d.fields import material
from xct4d.fields.carried import CarriedScans
from xct4d.fields.flatfield import FlatField
from xct4d.training.inspection.slices import cube_image, cube_points, difference_image, scaled_image
from xct4d.training.losses.correlation import correlation_loss
from xct4d.training.sampling.points import random_points
from xct4d.training.sampling.random import generator

POINTS = 4096  # the same ones at every step
MANY = 32768  # points of the box, of which those in solid material are followed
VOXELS = 48  # per axis, of the pictures
MIDDLE = (0.25, 0.5, 0.75)  # times at which the two directions are compared


def flat_field_figures(flat_field: FlatField) -> dict[str, float]:
    """f(t) at the scans and half-way."""
    return {f"flat_field/t{t:g}": flat_field.level(t) for t in (0.0, 0.5, 1.0)}


class WatchedMotion:
    """Scans carried by a motion: how well two of them agree, and how far material moves."""

    @torch.no_grad()
    def __init__(self, scans: CarriedScans, flat_field: FlatField):
        """scans, flat_field: as they are fitted; they are looked at anew each time."""
        self._scans, self._flat_field = scans, flat_field
        forward = scans.scan["forward"]
        self._device = forward.volume.device
        self._points = random_points(generator(0, "watched motion"), POINTS, self._device)
        many = random_points(generator(0, "watched material"), MANY, self._device)
        solid = material.is_solid(forward(many).cpu().numpy())
        self._material = many[sent(solid, self._device)][:POINTS]

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """Agreement of the scans, displacement of the material (world units), and f(t).

        correlation/t0, /t1: of the scan at that time with the other, carried
        there. directions: of both, carried to times between, the mean
        correlation and the mean squared difference.
        """
        found = self._agreement() if len(self._scans.scan) > 1 else {}
        if len(self._material):
            moved = (self._scans.motion.flow(self._material, 0.0, 1.0) - self._material).norm(dim=-1)
            found |= {"displacement/mean": moved.mean(), "displacement/largest": moved.max()}
        return {name: float(value) for name, value in found.items()} | flat_field_figures(self._flat_field)

    def _agreement(self) -> dict[str, Tensor]:
        scan, carried = self._scans.scan, self._scans.density
        both = [self._scans.both_densities(self._points, time) for time in MIDDLE]
        return {
            "correlation/t0": 1 - correlation_loss(carried("backward", self._points, 0.0), scan["forward"](self._points)),
            "correlation/t1": 1 - correlation_loss(carried("forward", self._points, 1.0), scan["backward"](self._points)),
            "directions/correlation": 1 - torch.stack([correlation_loss(*pair) for pair in both]).mean(),
            "directions/mean_squared_difference": torch.stack([(a - b).square().mean() for a, b in both]).mean(),
        }

    @torch.no_grad()
    def pictures(self) -> dict[str, np.ndarray]:
        """Slices [channels, height, width] in [0, 1]: the scans half-way, blended, and their difference; the displacement of the material at t = 0."""
        points = cube_points(VOXELS, self._device)
        moved = (self._scans.motion.flow(points, 0.0, 1.0) - points).norm(dim=-1)
        is_material = material.is_solid(self._scans.scan["forward"](points).cpu().numpy())
        displacement = scaled_image(moved, is_material)
        if len(self._scans.scan) == 1:
            return {"slices": cube_image(self._scans.density("forward", points, 0.5)), "displacement": displacement}
        forward, backward = self._scans.both_densities(points, 0.5)
        return {
            "slices": cube_image((forward + backward) / 2),
            "directions/difference": difference_image(forward - backward),
            "displacement": displacement,
        }
