"""Projections predicted from a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from xct4d.directions import Reconstruction
from xct4d.fields.evolution import Evolution
from xct4d.fields.occupancy import CELLS, PROBES
from xct4d.io.prepared import Frames
from xct4d.training.inspection.render import render_each
from xct4d.training.sampling.rays import WHOLE_BOX


def render_frame(evolution: Evolution, frames: Frames, frame: int, kind: Reconstruction = "mixed", *, stride: int = 1) -> np.ndarray:
    """Transmission [ceil(height / stride), ceil(width / stride)] float32 of a frame, each stride-th pixel of each stride-th row.

    Along a ray lies one sample for each pixel of the longer side of the
    detector, except in empty cells.
    """
    return render_kinds(evolution, frames, frame, [kind], stride=stride)[kind]


def render_kinds(
    evolution: Evolution, frames: Frames, frame: int, kinds: Sequence[Reconstruction], *, stride: int = 1
) -> dict[Reconstruction, np.ndarray]:
    """`render_frame` of each kind: mixed beside forward and backward costs nothing."""
    width, height = frames.size(frame)
    samples = max(width, height)
    search = width * height * samples >= (CELLS * PROBES) ** 3  # below, finding empty cells takes longer than they do
    images = render_each(
        partial(_attenuation, evolution, kinds),
        evolution.flat_field,
        frames,
        frame,
        samples=samples,
        stride=stride,
        cells=evolution.cells if search else partial(_whole_box, evolution.device),
    )
    return dict(zip(kinds, images, strict=True))


def _attenuation(evolution: Evolution, kinds: Sequence[Reconstruction], points: Tensor, time: float) -> list[Tensor]:
    found = evolution.attenuation(points, time, kinds)
    return [found[kind] for kind in kinds]


def _whole_box(device: torch.device, _time: float) -> Tensor:
    return WHOLE_BOX.to(device)
