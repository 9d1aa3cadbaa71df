"""What a training task draws for a micro-batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xct4d.directions import Direction
from xct4d.training.sampling.micro_batch import MicroBatch
from xct4d.training.sampling.rays import Batch, TimePoint


@dataclass(frozen=True)
class RayDraw:
    """Rays through projections of one time point, and the random numbers for further points."""

    micro_batch: MicroBatch
    random: np.random.Generator
    time_point: TimePoint
    batch: Batch
    flat_field: Sequence[Tensor]  # f at the time of each exposure of the batch: scalars

    @property
    def device(self) -> torch.device:
        return self.batch.measured.device


@dataclass(frozen=True)
class DirectedDraw(RayDraw):
    """A draw whose rays are predicted from one of the two scans."""

    direction: Direction
