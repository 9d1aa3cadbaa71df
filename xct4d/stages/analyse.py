"""analyse: the displacement of the material at one time and its uncertainty, as volumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from xct4d import config
from xct4d.analysis.motion import displacement
from xct4d.analysis.uncertainty import Motions, attenuation_on_grid, interpolated
from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.geometry.box import tiles
from xct4d.io.ome_writer import VolumeWriter, shard_of
from xct4d.progress import track
from xct4d.quantities import DISPLACEMENT, DISPLACEMENT_UNCERTAINTY, Quantity
from xct4d.units import Scale

TILE = 128  # voxels per axis computed at once; workflow.needs.analyse counts their memory


def analyse(
    *,
    model: TrainedModel,
    trust: Path,
    settings: config.Analyse,
    t: float,
    scale: Scale,
    outputs: Mapping[str, Path],
    device: torch.device = HOST,
) -> None:
    """Write what follows from the motion at time t (in [0, 1]): OME-Zarr volumes with the axes c (x, y, z), z, y, x.

    Each voxel of the displacement holds x - flow(x, t -> 0): how far the
    material that is there at time t has moved since t = 0, in mm where the
    dataset says what a world unit is; each of its uncertainty the standard
    deviation among the motions that the data leave open. trust: output folder
    of that stage. outputs: by the quantity's name. scale: of the dataset.
    device: where the model is computed. Raises InputError where an input is
    missing or damaged, the dataset has one scan only and so no motion, or an
    output cannot be written.
    """
    analyse_model(Evolution.load(model, device), Motions.load(trust), settings, t, scale, outputs)


def analyse_model(
    evolution: Evolution, motions: Motions, settings: config.Analyse, t: float, scale: Scale, outputs: Mapping[str, Path]
) -> None:
    """`analyse` of a model in memory."""
    if evolution.static:
        raise InputError("a dataset of one scan has no motion to analyse", where="analyse")
    if not 0 <= t <= 1:
        raise InputError(f"{t:g} is outside [0, 1]", where="export.times")
    write_quantity(DISPLACEMENT, lambda points: displacement(evolution, points, t), settings, t, scale, outputs[DISPLACEMENT.name])
    deviation = motions.deviation(t, attenuation_on_grid(evolution, t))
    write_quantity(
        DISPLACEMENT_UNCERTAINTY, lambda points: interpolated(deviation, points), settings, t, scale, outputs[DISPLACEMENT_UNCERTAINTY.name]
    )


def write_quantity(
    quantity: Quantity, values: Callable[[Tensor], Tensor], settings: config.Analyse, t: float, scale: Scale, output: Path
) -> None:
    """Write one vector quantity at time t. values: of points [N, 3], in world units: [N, 3]."""
    n = settings.resolution
    volume = VolumeWriter(
        output,
        (n, n, n),
        quantity=quantity,
        scale=scale,
        shard=shard_of(n, TILE),
        name=f"{quantity.name} t{t:g}",
        attributes={"time": t, "description": quantity.description},
    )
    with volume, track(f"analyse {quantity.name.replace('_', ' ')} t = {t:g}", math.ceil(n / TILE) ** 3) as progress:
        for where, places in tiles(n, TILE):
            found = values(torch.from_numpy(places).float())
            volume[where] = found.T.reshape(3, *(s.stop - s.start for s in where)).numpy()
            progress.advance()
