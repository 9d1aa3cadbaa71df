"""Training one level of the velocity field: the motion that carries each scan through the projections in between.

Where there is no second scan, the first is carried through those after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Level, Velocity
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields import material, occupancy
from xct4d.fields.baked import BakedField
from xct4d.fields.carried import CarriedScans
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.io.prepared import Frames
from xct4d.training.inspection import held_out
from xct4d.training.inspection.held_out import Comparison
from xct4d.training.inspection.motion import WatchedMotion
from xct4d.training.loop.parameters import ParameterGroup
from xct4d.training.loop.schedule import LearningRate, flat_field_rate
from xct4d.training.loop.task import TrainingTask
from xct4d.training.losses.flat_field import FlatFieldPenalty, LevelsAnew
from xct4d.training.losses.motion import BendingEnergy, StrainRate
from xct4d.training.losses.projection import ProjectionError
from xct4d.training.losses.scans import ScanCorrelation, ScanMismatch
from xct4d.training.losses.term import Term
from xct4d.training.sampling.draws import DirectedDraw
from xct4d.training.sampling.micro_batch import MicroBatch
from xct4d.training.sampling.random import generator
from xct4d.training.sampling.rays import Batch, TimePoint, draw, time_points

HELD_OUT_SHOWN = 3


class VelocityTask(TrainingTask[DirectedDraw]):
    """Fits the motion to projections: even steps predict them from the forward scan, odd steps from the backward one, if there is one."""

    def __init__(
        self,
        settings: Velocity,
        level: Level,
        frames: Sequence[Frames],
        scans: Mapping[Direction, BakedField],
        field: VelocityField,
        flat_field: FlatField,
        *,
        early_times_first: bool,
        seed: int,
        device: torch.device,
    ):
        """early_times_first: whether the time points far from each scan join step by step (settings.early_times_first).

        scans, field and flat_field lie on the device. Raises InputError where
        no projection is left to train on.
        """
        self.title, self.steps, self.device = velocity_title(level), level.steps, device
        self.rate_key = f"velocity.levels (resolution {level.resolution}): learning_rate"
        self.field, self.flat_field = field, flat_field
        self._settings, self._seed, self._early_times_first = settings, seed, early_times_first
        self.rays = settings.rays
        self._training = time_points(frames, at_most=settings.max_images_per_time)
        between = [time_point for time_point in time_points(frames, held_out=True) if 0 < time_point.mean_time < 1]
        self._shown = held_out.chosen_frames(between, HELD_OUT_SHOWN)
        self._directions: list[Direction] = [direction for direction in SCAN_TIME if direction in scans]
        self._sharp = CarriedScans(scans, field)
        self._blurred = CarriedScans({direction: scan.blurred(level.blur) for direction, scan in scans.items()}, field)
        self._occupied = {
            direction: occupancy.block_centres(occupancy.occupied(scan, generator(seed, self.title), device))
            for direction, scan in self._blurred.scan.items()
        }
        rate = LearningRate(settings.schedule, level.learning_rate, level.steps)
        self.groups = [
            ParameterGroup.of("field", field, rate),
            ParameterGroup.of("flat_field", flat_field, flat_field_rate(rate, settings.flat_field)),
        ]
        self.terms = self._terms(level)
        self._watched = WatchedMotion(self._sharp, flat_field)

    def _terms(self, level: Level) -> list[Term[DirectedDraw]]:
        settings, points = self._settings, self._settings.points
        terms = [Term("projection", 1.0, ProjectionError(self._densities))]
        both = len(self._sharp.scan) > 1
        if settings.volume_weight > 0 and both:
            terms.append(Term("volume", settings.volume_weight, ScanCorrelation(self._blurred, points)))
        if settings.mismatch_weight > 0 and both:
            terms.append(Term("mismatch", settings.mismatch_weight, ScanMismatch(self._blurred, points)))
        if level.strain_weight > 0:
            solid = {direction: material.solid_points(scan.volume) for direction, scan in self._sharp.scan.items()}
            terms.append(Term("strain", level.strain_weight, StrainRate(self.field, solid, points)))
        if level.smoothness_weight > 0:
            terms.append(Term("smoothness", level.smoothness_weight, BendingEnergy(self.field)))
        if settings.flat_field.train:
            terms.append(Term("flat_field", settings.flat_field.penalty, FlatFieldPenalty(LevelsAnew(self.flat_field))))
        return terms

    def draw(self, micro_batch: MicroBatch) -> Callable[[], DirectedDraw]:
        rng = micro_batch.random(self._seed, self.title)
        direction = self._directions[micro_batch.step % len(self._directions)]
        horizon = time_horizon(self._settings, micro_batch.step, self.steps) if self._early_times_first else 1.0
        time_point = choose(self._training, SCAN_TIME[direction], horizon, rng)
        rays = micro_batch.part_of(self.rays)
        batch = draw(time_point, rng, rays, self._settings.samples, partial(self._cells, direction))
        return partial(self._finish, micro_batch, rng, time_point, batch, direction)

    def _finish(
        self, micro_batch: MicroBatch, rng: np.random.Generator, time_point: TimePoint, placed: Callable[[], Batch], direction: Direction
    ) -> DirectedDraw:
        batch = placed()
        return DirectedDraw(micro_batch, rng, time_point, batch, [self.flat_field(e.time) for e in batch.exposures], direction)

    def compare(self) -> list[Comparison]:
        return held_out.compare(self._blend, self.flat_field, self._shown, cells=self._all_cells)

    def figures(self) -> dict[str, float]:
        return self._watched.figures()

    def inspect(self, board: SummaryWriter, step: int) -> None:
        for name, image in self._watched.pictures().items():
            board.add_image(name, image, step)

    @torch.no_grad()
    def _cells(self, direction: Direction, time: float) -> Tensor:
        """The cells that a scan's material is in at a time, by the motion as it is now."""
        return occupancy.around(self.field.flow(self._occupied[direction], SCAN_TIME[direction], time), radius=1.5)

    def _all_cells(self, time: float) -> Tensor:
        return torch.stack([self._cells(direction, time) for direction in self._directions]).any(0)

    def _densities(self, drawn: DirectedDraw) -> Sequence[Tensor]:
        """Attenuation of the drawn scan, carried to the time of each exposure, at its samples."""
        exposures, scan_time = drawn.batch.exposures, SCAN_TIME[drawn.direction]
        carried = self.field.flow_together([e.samples.points for e in exposures], [(e.time, scan_time) for e in exposures])
        return self._blurred.scan[drawn.direction](torch.cat(carried)).split([len(points) for points in carried])

    @torch.no_grad()
    def _blend(self, points: Tensor, time: float) -> Tensor:
        """Both scans, carried to a time and blended in proportion to it, or the one that there is: [N]."""
        return self._sharp.blended(points, time, time) if len(self._directions) > 1 else self._sharp.density("forward", points, time)


def velocity_title(level: Level) -> str:
    """The name of a level in progress lines and random streams."""
    return f"velocity {level.resolution}"


def time_horizon(settings: Velocity, step: int, steps: int) -> float:
    """How far in time from a scan the projections of a step may lie; it grows to 1 over the first part of the training.

    A motion that was followed to an early time is a start for the times after it.
    """
    return 1.0 if settings.early_times_first == 0 else min(1.0, (step + 1) / (settings.early_times_first * steps))


def choose(training: Sequence[TimePoint], scan_time: float, horizon: float, rng: np.random.Generator) -> TimePoint:
    """A random time point within the horizon of a scan, or the nearest; not the scan itself, at whose time nothing has moved."""
    distance = np.array([abs(time_point.mean_time - scan_time) for time_point in training])
    moving = distance > 0
    near = np.flatnonzero(moving & (distance <= max(horizon, distance[moving].min())))
    return training[near[rng.integers(len(near))]]
