"""A stand-in for the trained model: a drifting ball whose density and motion are known in closed form."""

from typing import ClassVar

import numpy as np
import torch

from xct4d.directions import RECONSTRUCTIONS, SCAN_TIME
from xct4d.fields import occupancy
from xct4d.geometry.box import grid_points, voxel_centres

DRIFT = np.array([0.2, -0.1, 0.3])  # of the material from t = 0 to t = 1
CENTRE = np.array([-0.1, 0.05, -0.2])  # at t = 0
RADIUS = 0.4


def density(points: np.ndarray, t: float) -> np.ndarray:
    """1 at the ball's centre, 0 at its surface and beyond: [N]."""
    return np.clip(1 - np.linalg.norm(points - CENTRE - t * DRIFT, axis=1) / RADIUS, 0, None)


class DriftingBall:
    """As xct4d.fields.evolution.Evolution; the backward density is `gain` times the true one, the motion `lag` times."""

    static, mixes = False, True
    kinds, scans = RECONSTRUCTIONS, SCAN_TIME
    device = torch.device("cpu")

    def __init__(self, gain: float = 1.0, lag: float = 1.0):
        self.gain, self.lag = gain, lag

    def flow(self, points, start, stop):
        return points + torch.as_tensor((stop - start) * self.lag * DRIFT, dtype=points.dtype)

    def flow_with_gradient(self, points, start, stop):
        return self.flow(points, start, stop), torch.eye(3).repeat(len(points), 1, 1)

    def flat_field(self, t):
        return 0.0

    def cells(self, t):
        """Some cells more than the balls of both directions touch."""
        c = voxel_centres(occupancy.CELLS)
        points = torch.from_numpy(grid_points(c, c, c))
        reach = [
            torch.linalg.vector_norm(self.flow(points, t, home) - torch.from_numpy(CENTRE + home * DRIFT), dim=1) for home in (0.0, 1.0)
        ]
        return (torch.minimum(*reach) < RADIUS + 0.1).reshape(3 * (occupancy.CELLS,))

    def attenuation(self, points, t, kinds):
        inside = (points.abs() <= 1).all(-1)
        forward = torch.from_numpy(density(self.flow(points, t, 0.0).numpy(), 0.0)) * inside
        backward = self.gain * torch.from_numpy(density(self.flow(points, t, 1.0).numpy(), 1.0)) * inside
        every = {"forward": forward, "backward": backward, "mixed": torch.lerp(forward, backward, t)}
        return {kind: every[kind].float() for kind in kinds}

    def result(self, points, t):
        return self.attenuation(points, t, self.kinds[:1])[self.kinds[0]]


class FollowedBall(DriftingBall):
    """The model of a dataset without a second scan: forward only."""

    mixes = mixing_is_trained = False
    kinds = ("forward",)
    scans: ClassVar = {"forward": 0.0}

    def attenuation(self, points, t, kinds):
        assert list(kinds) == ["forward"]
        return super().attenuation(points, t, kinds)


class StillBall(FollowedBall):
    """The model of a static dataset: forward at t = 0 only."""

    static = True

    def attenuation(self, points, t, kinds):
        assert t == 0
        return super().attenuation(points, t, kinds)


class BallPhantom:
    """As xct4d.phantom.truth.Phantom for the same ball."""

    times = ()
    knows_motion = True

    def knows(self, t):
        return True

    def density(self, points, t):
        return density(points, t)

    def volume(self, n, t):
        c = voxel_centres(n)
        return density(grid_points(c, c, c), t).reshape(n, n, n)

    def flow(self, points, t0, t1):
        return points + (t1 - t0) * DRIFT

    def objects_at(self, t):
        return {"type": "object_collection", "objects": [{"type": "sphere", "center": (CENTRE + t * DRIFT).tolist(), "radius": RADIUS}]}
