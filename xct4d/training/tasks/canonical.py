"""Training a canonical field on the projections of its scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Canonical
from xct4d.fields.density import DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.known_grid import KnownGrid
from xct4d.io.prepared import Frames
from xct4d.training.inspection import held_out
from xct4d.training.inspection.held_out import Comparison
from xct4d.training.inspection.slices import cube_image, cube_points
from xct4d.training.loop.parameters import ParameterGroup
from xct4d.training.loop.schedule import LearningRate, flat_field_rate
from xct4d.training.loop.task import TrainingTask
from xct4d.training.losses.correlation import correlation_loss
from xct4d.training.losses.flat_field import FlatFieldPenalty, constant_level
from xct4d.training.losses.known_volume import KnownVolume
from xct4d.training.losses.projection import ProjectionError
from xct4d.training.losses.term import Term
from xct4d.training.sampling.draws import RayDraw
from xct4d.training.sampling.micro_batch import MicroBatch
from xct4d.training.sampling.points import random_points
from xct4d.training.sampling.random import generator
from xct4d.training.sampling.rays import Batch, TimePoint, draw, time_points

HELD_OUT_SHOWN = 2
INSPECTED_VOXELS = 96  # per axis
WATCHED = 4096  # points, the same at every step, at which its correlation with a known volume is watched
VOLUME_POINTS = 16384  # per step, at which the field is compared with a known volume


@dataclass(frozen=True)
class RayBudget:
    """Rays of a step and parts per ray, each part with one sample if its cell is occupied.

    The settings hold for an object that fills the box. Where part of the box is
    empty, the samples that are not needed there go first into shorter parts, up
    to FINEST times, then into more rays: a step keeps its number of samples.
    """

    settings: Canonical

    FINEST = 4  # times settings.samples parts per ray, at most
    MOST = 32  # times settings.rays * settings.samples parts in a step, at most

    @property
    def most_parts(self) -> int:
        """Parts of all rays of a step, at most."""
        return self.MOST * self.settings.rays * self.settings.samples

    def spent(self, cells: Tensor) -> tuple[int, int]:
        """(rays, parts per ray) with these cells occupied."""
        factor = min(1 / max(float(cells.float().mean()), 1e-6), self.MOST)
        finer = min(factor, self.FINEST)
        return round(self.settings.rays * factor / finer), round(self.settings.samples * finer)


class CanonicalTask(TrainingTask[RayDraw]):
    """Fits attenuation and flat field to the projections of one scan."""

    rate_key = "canonical.schedule.learning_rate"

    def __init__(
        self,
        settings: Canonical,
        frames: Frames,
        field: DensityField,
        flat_field: FlatField,
        known: KnownGrid | None,
        *,
        title: str,
        seed: int,
        device: torch.device,
    ):
        """known: the scan's attenuation where it is known beforehand, compared with settings.volume_weight.

        field, flat_field and known lie on the device; which cells are empty is
        known of the field before it is trained. Raises InputError where
        no projection is left to train on.
        """
        self.title, self.steps, self.device = title, settings.steps, device
        self.field, self.flat_field = field, flat_field
        self._settings, self._seed = settings, seed
        self._training = time_points([frames])
        self._shown = held_out.chosen_frames(time_points([frames], held_out=True), HELD_OUT_SHOWN)
        self.rays, self._parts = RayBudget(settings).spent(field.cells)
        rate = LearningRate(settings.schedule, settings.schedule.learning_rate, settings.steps)
        self.groups = [
            ParameterGroup.of("field", field, rate),
            ParameterGroup.of("flat_field", flat_field, flat_field_rate(rate, settings.flat_field)),
        ]
        self._known, self._watched = known, random_points(generator(seed, f"{title} watched"), WATCHED, device)
        self.terms = [Term("projection", 1.0, ProjectionError(self._densities))]
        if settings.flat_field.train:
            self.terms.append(Term("flat_field", settings.flat_field.penalty, FlatFieldPenalty(constant_level)))
        if known is not None:
            self.terms.append(Term("volume", settings.volume_weight, KnownVolume(field, known, VOLUME_POINTS)))

    def draw(self, micro_batch: MicroBatch) -> Callable[[], RayDraw]:
        rng = micro_batch.random(self._seed, self.title)
        time_point = self._training[int(rng.integers(len(self._training)))]
        batch = draw(time_point, rng, micro_batch.part_of(self.rays), self._parts, self._cells)
        return partial(self._finish, micro_batch, rng, time_point, batch)

    def _finish(self, micro_batch: MicroBatch, rng: np.random.Generator, time_point: TimePoint, placed: Callable[[], Batch]) -> RayDraw:
        batch, level = placed(), self.flat_field(0.0)
        return RayDraw(micro_batch, rng, time_point, batch, [level] * len(batch.exposures))

    def compare(self) -> list[Comparison]:
        return held_out.compare(self._density, self.flat_field, self._shown, cells=self._cells)

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        found = {"flat_field/f": self.flat_field.level(0.0)}
        if self._known is not None:
            loss = correlation_loss(self.field.evaluate(self._watched), self._known(self._watched))
            found["correlation/known_volume"] = 1 - float(loss)
        return found

    def inspect(self, board: SummaryWriter, step: int) -> None:
        board.add_image("slices", cube_image(self.field.evaluate(cube_points(INSPECTED_VOXELS, self.device))), step)

    def _cells(self, _time: float) -> Tensor:
        return self.field.cells

    def _density(self, points: Tensor, _time: float) -> Tensor:
        return self.field.evaluate(points)

    def _densities(self, drawn: RayDraw) -> list[Tensor]:
        return [self.field(exposure.samples.points) for exposure in drawn.batch.exposures]
