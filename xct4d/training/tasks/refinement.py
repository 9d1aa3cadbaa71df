"""Training both scans, as voxels, together with the motion between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Refinement
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields import occupancy
from xct4d.fields.carried import CarriedScans
from xct4d.fields.flatfield import FlatField
from xct4d.fields.trained_voxels import TrainedVoxels
from xct4d.fields.velocity import VelocityField
from xct4d.io.prepared import Frames
from xct4d.training.inspection import held_out
from xct4d.training.inspection.held_out import Comparison
from xct4d.training.inspection.motion import WatchedMotion
from xct4d.training.loop.parameters import ParameterGroup
from xct4d.training.loop.schedule import LearningRate, ProportionalRate, not_trained
from xct4d.training.loop.task import TrainingTask
from xct4d.training.losses.motion import BendingEnergy
from xct4d.training.losses.projection import ProjectionError
from xct4d.training.losses.term import Term
from xct4d.training.sampling.draws import RayDraw
from xct4d.training.sampling.micro_batch import MicroBatch
from xct4d.training.sampling.random import generator
from xct4d.training.sampling.rays import Batch, TimePoint, draw, time_points

HELD_OUT_SHOWN = 3


class RefinementTask(TrainingTask[RayDraw]):
    """Fits scans and motion to all projections: at t = 0 and 1 of one scan alone, between of both, carried there and blended with weight t.

    Projections are drawn alike, whatever their times, so the scans, of which
    there are most, hold the canonicals.
    """

    title = "refinement"
    rate_key = "refinement.schedule.learning_rate"

    def __init__(
        self,
        settings: Refinement,
        frames: Sequence[Frames],
        scans: Mapping[Direction, TrainedVoxels],
        motion: VelocityField,
        flat_field: FlatField,
        *,
        seed: int,
        device: torch.device,
    ):
        """scans, motion and flat_field lie on the device; flat_field stays as it is. Raises InputError where no projection is left to train on."""
        self.steps, self.rays, self.device = settings.steps, settings.rays, device
        self.motion, self.scans = motion, scans
        self._flat_field = flat_field.requires_grad_(False)
        self._settings, self._seed = settings, seed
        self._training = time_points(frames)
        self._share = np.array([len(time_point.frames) for time_point in self._training], float)
        self._share /= self._share.sum()
        self._shown = held_out.chosen_frames(time_points(frames, held_out=True), HELD_OUT_SHOWN)
        self._carried = CarriedScans(scans, motion)
        self._occupied = {
            direction: occupancy.block_centres(occupancy.occupied(torch.no_grad()(scan), generator(seed, self.title), device))
            for direction, scan in scans.items()
        }
        rate = LearningRate(settings.schedule, settings.schedule.learning_rate, settings.steps)
        moving = settings.motion_learning_rate
        self.groups = [
            *(ParameterGroup.of(direction, scan, rate) for direction, scan in scans.items()),
            ParameterGroup.of("motion", motion, ProportionalRate(rate, moving) if moving > 0 else not_trained),
        ]
        self.terms = [Term("projection", 1.0, ProjectionError(self._densities))]
        if settings.smoothness_weight > 0 and moving > 0:
            self.terms.append(Term("smoothness", settings.smoothness_weight, BendingEnergy(motion)))
        self._watched = WatchedMotion(self._carried, flat_field)

    def draw(self, micro_batch: MicroBatch) -> Callable[[], RayDraw]:
        rng = micro_batch.random(self._seed, self.title)
        time_point = self._training[int(rng.choice(len(self._training), p=self._share))]
        batch = draw(time_point, rng, micro_batch.part_of(self.rays), self._settings.samples, self._cells)
        return partial(self._finish, micro_batch, rng, time_point, batch)

    def _finish(self, micro_batch: MicroBatch, rng: np.random.Generator, time_point: TimePoint, placed: Callable[[], Batch]) -> RayDraw:
        batch = placed()
        for scan in self.scans.values():
            scan.without_negatives()
        return RayDraw(micro_batch, rng, time_point, batch, [self._flat_field(e.time) for e in batch.exposures])

    def compare(self) -> list[Comparison]:
        return held_out.compare(torch.no_grad()(self._attenuation), self._flat_field, self._shown, cells=self._cells)

    def figures(self) -> dict[str, float]:
        return self._watched.figures()

    def inspect(self, board: SummaryWriter, step: int) -> None:
        for name, image in self._watched.pictures().items():
            board.add_image(name, image, step)

    @torch.no_grad()
    def _cells(self, time: float) -> Tensor:
        """The cells that either scan's material is in at a time, by the motion as it is now."""
        carried = (self.motion.flow(own, SCAN_TIME[direction], time) for direction, own in self._occupied.items())
        return torch.stack([occupancy.around(points, radius=1.5) for points in carried]).any(0)

    def _attenuation(self, points: Tensor, time: float) -> Tensor:
        """Attenuation [N] at points [N, 3] and a time."""
        for direction, scan_time in SCAN_TIME.items():
            if time == scan_time:
                return self.scans[direction](points)
        forward, backward = self._carried.both_densities(points, time)
        return torch.lerp(forward, backward, time)

    def _densities(self, drawn: RayDraw) -> list[Tensor]:
        return [self._attenuation(exposure.samples.points, exposure.time) for exposure in drawn.batch.exposures]
