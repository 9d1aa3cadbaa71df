"""export: attenuation volumes at one time."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

import torch

from xct4d import config
from xct4d.device import HOST
from xct4d.directions import Reconstruction
from xct4d.errors import InputError
from xct4d.fields import occupancy
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.geometry.box import faces, tiles
from xct4d.io.ome_writer import VolumeWriter, shard_of
from xct4d.progress import say, track
from xct4d.quantities import ATTENUATION
from xct4d.units import Scale

SEARCHED_FROM = (occupancy.CELLS * occupancy.PROBES) ** 3  # voxels; below, looking for empty cells takes longer than they do


def export(
    *,
    model: TrainedModel,
    settings: config.Export,
    t: float,
    scale: Scale,
    outputs: dict[Reconstruction, Path],
    device: torch.device = HOST,
) -> None:
    """Write one OME-Zarr volume per kind for time t (in [0, 1]).

    scale: of the dataset. outputs: the volume of each kind; `settings.kinds` and
    `settings.times` do not count here. device: where the model is computed.
    Raises InputError where a model file is missing or damaged, a dataset
    of one scan is asked for more than forward volumes, or a static one for more
    than t = 0, or an output cannot be written.
    """
    export_volumes(Evolution.load(model, device), settings, t, scale, outputs)


def export_volumes(
    evolution: Evolution, settings: config.Export, t: float, scale: Scale, outputs: dict[Reconstruction, Path]
) -> dict[Reconstruction, int]:
    """`export` of a model in memory. Returns how many voxels of each kind lay outside the window (or the type's range) and were clipped."""
    check_available(evolution, t, list(outputs), "export")
    kinds = list(outputs)
    n, block = settings.resolution, settings.region.block(settings.resolution)
    shape = tuple(own.stop - own.start for own in block)
    voxels = math.prod(shape)
    cells = evolution.cells(t) if voxels > SEARCHED_FROM else None
    with ExitStack() as stack:
        writers = {
            kind: stack.enter_context(
                VolumeWriter(
                    path,
                    shape,
                    settings.dtype,
                    quantity=ATTENUATION,
                    scale=scale,
                    faces=faces(n, block),
                    window=settings.window,
                    shard=shard_of(max(shape), settings.tile),
                    name=f"{kind} t{t:g}",
                    attributes={"kind": kind, "time": t},
                )
            )
            for kind, path in outputs.items()
        }
        with track(f"export t = {t:g}", math.prod(math.ceil(own / settings.tile) for own in shape)) as progress:
            for where, places in tiles(n, settings.tile, block):
                points = torch.from_numpy(places).float()
                occupied = slice(None) if cells is None else occupancy.inside(cells, points.to(cells.device)).cpu()
                for kind, values in evolution.attenuation(points[occupied], t, kinds).items():
                    attenuation = torch.zeros(len(points))
                    attenuation[occupied] = values
                    writers[kind][where] = attenuation.numpy().reshape([s.stop - s.start for s in where])
                progress.advance()
    for kind, writer in writers.items():
        if writer.clipped:
            say(f"export t = {t:g}: {writer.clipped} of {voxels} {kind} voxels lay outside the window and were clipped")
    return {kind: writer.clipped for kind, writer in writers.items()}


def check_available(evolution: Evolution, t: float, kinds: list[Reconstruction], section: str) -> None:
    """Raise InputError for what the model does not have: times outside [0, 1]; of one scan all but forward; of a static one all but t = 0."""
    if not 0 <= t <= 1:
        raise InputError(f"{t:g} is outside [0, 1]", where=f"{section}.times")
    if evolution.static and t != 0:
        raise InputError(f"a dataset of one scan has no t = {t:g}", where=f"{section}.times", fix="export t = 0 only")
    if missing := [kind for kind in kinds if kind not in evolution.kinds]:
        raise InputError(
            f"a dataset of one scan has no {', '.join(missing)} volume",
            where=f"{section}.kinds",
            fix="export forward only",
        )
