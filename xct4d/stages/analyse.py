"""analyse: what follows from the motion at one time, such as the displacement of the material, as volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import torch

from xct4d import config
from xct4d.analysis.derived import FUNCTIONS
from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.geometry.box import tiles
from xct4d.io.ome_writer import VolumeWriter, shard_of
from xct4d.progress import track
from xct4d.quantities import Quantity
from xct4d.units import Scale

TILE = 128  # voxels per axis computed at once; workflow.needs.analyse counts their memory


def analyse(
    *,
    model: TrainedModel,
    settings: config.Analyse,
    t: float,
    scale: Scale,
    outputs: Mapping[Quantity, Path],
    device: torch.device = HOST,
) -> None:
    """Write one OME-Zarr volume per quantity for time t (in [0, 1]), with the axes z, y, x, and c (components) before them for vectors.

    Each voxel of the displacement, for example, holds x - flow(x, t -> 0): how
    far the material that is there at time t has moved since t = 0. scale: of the
    dataset; values are in mm and s where it says what these are. outputs: the
    volume of each quantity, which is one of quantities.DERIVED. device: where
    the model is computed. Raises InputError where a model file is missing or
    damaged, the dataset has one scan only and so no motion, or an output cannot
    be written.
    """
    analyse_model(Evolution.load(model, device), settings, t, scale, outputs)


def analyse_model(evolution: Evolution, settings: config.Analyse, t: float, scale: Scale, outputs: Mapping[Quantity, Path]) -> None:
    """`analyse` of a model in memory."""
    if evolution.static:
        raise InputError("a dataset of one scan has no motion to analyse", where="analyse")
    if not 0 <= t <= 1:
        raise InputError(f"{t:g} is outside [0, 1]", where="export.times")
    n = settings.resolution
    with ExitStack() as stack:
        writers = {
            quantity: stack.enter_context(
                VolumeWriter(
                    path,
                    (n, n, n),
                    quantity=quantity,
                    scale=scale,
                    shard=shard_of(n, TILE),
                    name=f"{quantity.name} t{t:g}",
                    attributes={"time": t, "description": quantity.description},
                )
            )
            for quantity, path in outputs.items()
        }
        with track(f"analyse t = {t:g}", math.ceil(n / TILE) ** 3) as progress:
            for where, places in tiles(n, TILE):
                points = torch.from_numpy(places).float()
                shape = [s.stop - s.start for s in where]
                for quantity, volume in writers.items():
                    values = FUNCTIONS[quantity.name](evolution, points, t)
                    volume[where] = values.movedim(0, -1).reshape(*values.shape[1:], *shape).numpy()
                progress.advance()
