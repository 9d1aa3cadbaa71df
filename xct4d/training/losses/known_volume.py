"""Agreement of a canonical field with a volume that is known beforehand."""

from __future__ import annotations

from torch import Tensor

from xct4d.fields.density import DensityField
from xct4d.fields.known_grid import KnownGrid
from xct4d.training.losses.correlation import correlation_loss
from xct4d.training.sampling.draws import RayDraw
from xct4d.training.sampling.points import random_points


class KnownVolume:
    """1 - normalized correlation of the field and the known volume at random points of the box."""

    def __init__(self, field: DensityField, known: KnownGrid, points: int):
        """points: how many in a step."""
        self._field, self._known, self._points = field, known, points

    def __call__(self, drawn: RayDraw) -> Tensor:
        points = random_points(drawn.random, drawn.micro_batch.part_of(self._points), drawn.device)
        return correlation_loss(self._field(points), self._known(points))
