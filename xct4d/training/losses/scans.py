"""Agreement of the two scans, each carried along the motion."""

from __future__ import annotations

from torch import Tensor

from xct4d.directions import SCAN_TIME, opposite
from xct4d.fields.carried import CarriedScans
from xct4d.training.losses.correlation import correlation_loss
from xct4d.training.sampling.draws import DirectedDraw
from xct4d.training.sampling.points import random_points


class ScanCorrelation:
    """1 - normalized correlation of one scan, carried to the time of the other, with the other, at random points."""

    def __init__(self, scans: CarriedScans, points: int):
        """points: how many in a step."""
        self._scans, self._points = scans, points

    def __call__(self, drawn: DirectedDraw) -> Tensor:
        points = random_points(drawn.random, drawn.micro_batch.part_of(self._points), drawn.device)
        other = opposite(drawn.direction)
        carried = self._scans.density(drawn.direction, points, SCAN_TIME[other])
        return correlation_loss(carried, self._scans.scan[other](points))


class ScanMismatch:
    """Mean squared difference of the two scans, both carried to one random time, at random points."""

    def __init__(self, scans: CarriedScans, points: int):
        """points: how many in a step."""
        self._scans, self._points = scans, points

    def __call__(self, drawn: DirectedDraw) -> Tensor:
        points = random_points(drawn.random, drawn.micro_batch.part_of(self._points), drawn.device)
        time = float(drawn.random.uniform())
        forward, backward = self._scans.both_densities(points, time)
        return (forward - backward).square().mean()
