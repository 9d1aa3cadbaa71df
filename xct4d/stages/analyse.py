"""analyse: volumes of what is derived from the motion, at one time."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xct4d import config
from xct4d.analysis import motion
from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.geometry.box import tiles
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_zarr import VolumeWriter, shard_of
from xct4d.progress import track
from xct4d.quantities import DISPLACEMENT, Quantity
from xct4d.units import Scale

# What is written, and how it is computed: from a model, points [N, 3] (x, y, z) and a time, in world units,
# [N] of a scalar, [N, components] else.
DERIVED: dict[Quantity, Callable[[Evolution, Tensor, float], Tensor]] = {DISPLACEMENT: motion.displacement}


def analyse(
    *, model: TrainedModel, settings: config.Analyse, t: float, scale: Scale, output: Path, device: torch.device = HOST
) -> None:  # fmt: skip
    """Write one OME-Zarr volume per quantity of `DERIVED` at time t (in [0, 1]) into `output`, a folder: displacement.zarr.

    scale: of the dataset. device: where the model is computed. Raises
    InputError where a model file is missing or damaged, the dataset has one
    scan only and so no motion, or the output cannot be written.
    """
    analyse_model(Evolution.load(model, device), settings, t, scale, output)


def analyse_model(evolution: Evolution, settings: config.Analyse, t: float, scale: Scale, output: Path) -> None:
    """`analyse` of a model in memory."""
    if evolution.static:
        raise InputError("a dataset of one scan has no motion to analyse", where="analyse", fix="remove the section")
    if not 0 <= t <= 1:
        raise InputError(f"{t:g} is outside [0, 1]", where="analyse.times")
    n = settings.resolution
    with atomic_folder(output) as folder, ExitStack() as stack:
        writers = {
            quantity: stack.enter_context(
                VolumeWriter(
                    folder / f"{quantity.name}.zarr",
                    (n, n, n),
                    settings.dtype,
                    quantity=quantity,
                    scale=scale,
                    shard=shard_of(n, settings.tile),
                    name=f"{quantity.name} t{t:g}",
                    attributes={"time": t, "description": quantity.description},
                )
            )
            for quantity in DERIVED
        }
        with track(f"analyse t = {t:g}", math.ceil(n / settings.tile) ** 3) as progress:
            for where, places in tiles(n, settings.tile):
                points = torch.from_numpy(places).float()
                shape = tuple(s.stop - s.start for s in where)
                for quantity, compute in DERIVED.items():
                    writers[quantity][where] = _as_volume(compute(evolution, points, t), shape)
                progress.advance()


def _as_volume(values: Tensor, shape: tuple[int, int, int]) -> np.ndarray:
    """Values [N] or [N, components] of a tile's points as an array [z, y, x] or [component, z, y, x]."""
    return values.movedim(0, -1).reshape(*values.shape[1:], *shape).cpu().numpy()
