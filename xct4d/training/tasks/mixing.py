"""Training the mixing coefficient: which scan to trust where and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Mixing
from xct4d.directions import SCAN_TIME, Direction
from xct4d.errors import InputError
from xct4d.fields import occupancy
from xct4d.fields.baked import BakedField
from xct4d.fields.carried import CarriedScans
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.velocity import VelocityField
from xct4d.io.prepared import Frames
from xct4d.training.inspection import held_out
from xct4d.training.inspection.held_out import Comparison
from xct4d.training.inspection.motion import flat_field_figures
from xct4d.training.inspection.slices import cube_image, cube_points
from xct4d.training.loop.parameters import ParameterGroup
from xct4d.training.loop.schedule import LearningRate, flat_field_rate
from xct4d.training.loop.task import TrainingTask
from xct4d.training.losses.flat_field import FlatFieldPenalty, drawn_levels
from xct4d.training.losses.projection import ProjectionError
from xct4d.training.losses.term import Term
from xct4d.training.sampling.draws import RayDraw
from xct4d.training.sampling.micro_batch import MicroBatch
from xct4d.training.sampling.points import random_points
from xct4d.training.sampling.random import generator
from xct4d.training.sampling.rays import Batch, TimePoint, draw, time_points

HELD_OUT_SHOWN = 3
INSPECTED_VOXELS = 64  # per axis
WATCHED = 4096  # points of the box at which the mean weight is taken, the same at every step
INSPECTED_TIMES = (0.25, 0.5, 0.75)


class MixingTask(TrainingTask[RayDraw]):
    """Fits the weight of the backward scan, and the flat field; scans and motion stay as they are."""

    title = "mixing"
    rate_key = "mixing.schedule.learning_rate"

    def __init__(
        self,
        settings: Mixing,
        frames: Sequence[Frames],
        scans: Mapping[Direction, BakedField],
        motion: VelocityField,
        mixer: TrainedMixer,
        flat_field: FlatField,
        *,
        seed: int,
        device: torch.device,
    ):
        """scans, motion, mixer and flat_field lie on the device. Raises InputError where no projection is left to train on."""
        self.steps, self.device = settings.steps, device
        self.mixer, self.flat_field = mixer, flat_field
        self._settings, self._seed = settings, seed
        self.rays = settings.rays
        self._training = training_time_points(frames, settings.method)
        self._shown = held_out.chosen_frames(_between(time_points(frames, held_out=True)), HELD_OUT_SHOWN)
        self._scans = CarriedScans(scans, motion.requires_grad_(False))
        self._occupied = {
            direction: occupancy.subcell_centres(occupancy.occupied(scan, generator(seed, self.title), device))
            for direction, scan in scans.items()
        }
        self._cells_at: dict[float, Tensor] = {}
        self._watched = random_points(generator(seed, f"{self.title} watched"), WATCHED, device)
        rate = LearningRate(settings.schedule, settings.schedule.learning_rate, settings.steps)
        self.groups = [
            ParameterGroup.of("field", mixer, rate),
            ParameterGroup.of("flat_field", flat_field, flat_field_rate(rate, settings.flat_field)),
        ]
        self.buffers = {f"mixer.{name}": buffer for name, buffer in mixer.named_buffers()}
        self.terms = [Term("projection", 1.0, ProjectionError(self._densities))]
        if settings.flat_field.train:
            self.terms.append(Term("flat_field", settings.flat_field.penalty, FlatFieldPenalty(drawn_levels)))

    def draw(self, micro_batch: MicroBatch) -> Callable[[], RayDraw]:
        rng = micro_batch.random(self._seed, self.title)
        time_point = self._training[int(rng.integers(len(self._training)))]
        batch = draw(time_point, rng, micro_batch.part_of(self.rays), self._settings.samples, self._cells)
        return partial(self._finish, micro_batch, rng, time_point, batch)

    def _finish(self, micro_batch: MicroBatch, rng: np.random.Generator, time_point: TimePoint, placed: Callable[[], Batch]) -> RayDraw:
        batch = placed()
        self.mixer.trained_so_far(micro_batch.step / max(self.steps - 1, 1))
        return RayDraw(micro_batch, rng, time_point, batch, [self.flat_field(e.time) for e in batch.exposures])

    def compare(self) -> list[Comparison]:
        return held_out.compare(torch.no_grad()(self._mixed), self.flat_field, self._shown, cells=self._cells)

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        weights = {f"alpha/mean_t{time}": float(self.mixer(self._watched, time).mean()) for time in INSPECTED_TIMES}
        return weights | flat_field_figures(self.flat_field)

    @torch.no_grad()
    def inspect(self, board: SummaryWriter, step: int) -> None:
        points = cube_points(INSPECTED_VOXELS, self.device)
        for time in INSPECTED_TIMES:
            board.add_image(f"alpha/t{time}", cube_image(self.mixer(points, time)), step)
        board.add_image("slices", cube_image(self._mixed(points, 0.5)), step)

    def _cells(self, time: float) -> Tensor:
        """The cells that either scan's material is in at a time; computed once, as the motion stays as it is."""
        if time not in self._cells_at:
            motion = self._scans.motion
            each = [occupancy.around(motion.flow(own, SCAN_TIME[direction], time)) for direction, own in self._occupied.items()]
            self._cells_at[time] = torch.stack(each).any(0)
        return self._cells_at[time]

    def _mixed(self, points: Tensor, time: float) -> Tensor:
        return self._scans.blended(points, time, self.mixer(points, time))

    def _densities(self, drawn: RayDraw) -> list[Tensor]:
        return [self._mixed(exposure.samples.points, exposure.time) for exposure in drawn.batch.exposures]


def training_time_points(frames: Sequence[Frames], method: str) -> list[TimePoint]:
    """The time points between the scans, from which alone a mixer learns: at the scans alpha is 0 and 1.

    Raises InputError where there is none.
    """
    found = _between(time_points(frames))
    if not found:
        raise InputError(f"mixing: {method} has no projection between the ends to learn from", where="mixing.method", fix="choose temporal")
    return found


def _between(points: Sequence[TimePoint]) -> list[TimePoint]:
    return [point for point in points if 0 < point.mean_time < 1]
