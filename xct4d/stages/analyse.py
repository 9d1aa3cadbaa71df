"""analyse: what follows from the motion at one time, as volumes: displacement, deformation, strain, uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xct4d import config
from xct4d.analysis.kinematics import OF_DEFORMATION, Kinematics
from xct4d.analysis.uncertainty import Motions, attenuation_on_grid, grid
from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_solid
from xct4d.fields.trained_model import TrainedModel
from xct4d.geometry.box import faces, tiles
from xct4d.io.ome_writer import VolumeWriter, shard_of
from xct4d.progress import say, track
from xct4d.quantities import BY_NAME
from xct4d.units import Scale

TILE = 128  # voxels per axis written at once; workflow.needs.analyse counts their memory
CHUNK = 2**17  # points computed at once
MOST = 99.5  # percentile of the values in material that viewers show as the brightest


def analyse(
    *,
    model: TrainedModel,
    trust: Path | None,
    settings: config.Analyse,
    t: float,
    scale: Scale,
    outputs: Mapping[str, Path],
    device: torch.device = HOST,
) -> None:
    """Write what follows from the motion at time t (in [0, 1]): OME-Zarr volumes with the axes z, y, x, before them c for components.

    outputs: by the names of quantities, which xct4d.quantities describes;
    `settings.quantities` does not count here. trust: output folder of that
    stage, None where there is no second scan. scale: of the dataset. device: where the model is computed. Volumes
    of a deformation say in their attribute `folded_voxels` in how many voxels
    the motion folds the material. Raises InputError where an input is missing
    or damaged, the dataset has one scan only and so no motion, or an output
    cannot be written.
    """
    analyse_model(Evolution.load(model, device), None if trust is None else Motions.load(trust), settings, t, scale, outputs)


def analyse_model(
    evolution: Evolution, motions: Motions | None, settings: config.Analyse, t: float, scale: Scale, outputs: Mapping[str, Path]
) -> None:
    """`analyse` of a model in memory."""
    if evolution.static:
        raise InputError("a dataset of one scan has no motion to analyse", where="analyse")
    if not 0 <= t <= 1:
        raise InputError(f"{t:g} is outside [0, 1]", where="export.times")
    kinematics, n, block, folded = Kinematics(evolution, t, motions), settings.resolution, settings.region.block(settings.resolution), 0
    shown = _in_material(kinematics, list(outputs))
    with ExitStack() as stack:
        writers = {name: stack.enter_context(_writer(name, settings, t, scale, path, shown.get(name))) for name, path in outputs.items()}
        with track(f"analyse t = {t:g}", math.prod(math.ceil((own.stop - own.start) / TILE) for own in block)) as progress:
            for where, places in tiles(n, TILE, block):
                values, here = _tile(kinematics, torch.from_numpy(places).float(), list(outputs))
                folded += here
                for name, found in values.items():
                    writers[name][where] = found.movedim(0, -1).reshape(*found.shape[1:], *(s.stop - s.start for s in where)).numpy()
                progress.advance()
        for name in OF_DEFORMATION.keys() & writers.keys():
            writers[name].attributes["folded_voxels"] = folded
    if folded:
        say(
            f"analyse t = {t:g}: the motion folds the material in {folded} of {settings.region.voxels(n)} voxels (J <= 0), which have no strain"
        )


def _writer(name: str, settings: config.Analyse, t: float, scale: Scale, path: Path, shown: tuple[float, float] | None) -> VolumeWriter:
    quantity, n, block = BY_NAME[name], settings.resolution, settings.region.block(settings.resolution)
    shape = tuple(own.stop - own.start for own in block)
    return VolumeWriter(
        path, shape, settings.dtype, quantity=quantity, scale=scale, faces=faces(n, block), shard=shard_of(max(shape), TILE), shown=shown,
        name=f"{name} t{t:g}", attributes={"time": t, "description": quantity.description},
    )  # fmt: skip


def _in_material(kinematics: Kinematics, quantities: list[str]) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each quantity in solid material, but for a few; none where there is no material.

    Elsewhere the motion continues what is near, and may do so wildly.
    """
    attenuation = attenuation_on_grid(kinematics.evolution, kinematics.t).ravel()
    points = torch.from_numpy(grid()[is_solid(attenuation)]).float()
    windows = {}
    for name in quantities if len(points) else ():
        values = kinematics.at(points).value(name).numpy()
        known = values[np.isfinite(values)]
        if known.size:
            low, high = np.percentile(known, [100 - MOST, MOST]).tolist()
            windows[name] = (low, high)
    return windows


def _tile(kinematics: Kinematics, points: Tensor, quantities: list[str]) -> tuple[dict[str, Tensor], int]:
    """(values of each quantity at points [N, 3], how many of them are in folded material)."""
    values, folded = {name: torch.empty(len(points), *BY_NAME[name].shape) for name in quantities}, 0
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        here = kinematics.at(points[part])
        for name in quantities:
            values[name][part] = here.value(name)
        if not OF_DEFORMATION.keys().isdisjoint(quantities):
            folded += int(torch.count_nonzero(here.deformation.folded))
    return values, folded
