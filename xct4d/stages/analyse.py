"""analyse: the displacement of the material at one time, as a volume."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from xct4d import config
from xct4d.analysis.motion import displacement
from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.geometry.box import tiles
from xct4d.io.ome_writer import VolumeWriter, shard_of
from xct4d.progress import track
from xct4d.quantities import DISPLACEMENT
from xct4d.units import Scale

TILE = 128  # voxels per axis computed at once; workflow.needs.analyse counts their memory


def analyse(
    *, model: TrainedModel, settings: config.Analyse, t: float, scale: Scale, output: Path, device: torch.device = HOST
) -> None:  # fmt: skip
    """Write the displacement at time t (in [0, 1]) as an OME-Zarr volume with the axes c (x, y, z), z, y, x.

    Each voxel holds x - flow(x, t -> 0): how far the material that is there at
    time t has moved since t = 0, in mm where the dataset says what a world unit
    is. scale: of the dataset. device: where the model is computed. Raises
    InputError where a model file is missing or damaged, the dataset has one
    scan only and so no motion, or the output cannot be written.
    """
    analyse_model(Evolution.load(model, device), settings, t, scale, output)


def analyse_model(evolution: Evolution, settings: config.Analyse, t: float, scale: Scale, output: Path) -> None:
    """`analyse` of a model in memory."""
    if evolution.static:
        raise InputError("a dataset of one scan has no motion to analyse", where="analyse")
    if not 0 <= t <= 1:
        raise InputError(f"{t:g} is outside [0, 1]", where="export.times")
    n = settings.resolution
    volume = VolumeWriter(
        output,
        (n, n, n),
        quantity=DISPLACEMENT,
        scale=scale,
        shard=shard_of(n, TILE),
        name=f"{DISPLACEMENT.name} t{t:g}",
        attributes={"time": t, "description": DISPLACEMENT.description},
    )
    with volume, track(f"analyse t = {t:g}", math.ceil(n / TILE) ** 3) as progress:
        for where, places in tiles(n, TILE):
            moved = displacement(evolution, torch.from_numpy(places).float(), t)
            volume[where] = moved.T.reshape(3, *(s.stop - s.start for s in where)).numpy()
            progress.advance()
