"""velocity: one level of the velocity field, the motion that carries each scan through the projections in between."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from xct4d.config import Level, Velocity
from xct4d.device import HOST
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.io import digests, prepared
from xct4d.io.atomic import atomic_folder
from xct4d.training.checkpoint import Checkpoint
from xct4d.training.loop import Run, train
from xct4d.training.memory.need import fitting
from xct4d.training.memory.velocity import velocity_need
from xct4d.training.tasks.velocity import VelocityTask, velocity_title


def velocity(
    settings: Velocity,
    level: Level,
    frames_folders: Mapping[str, Path],
    canonicals: Mapping[Direction, Path],
    previous: Path | None,
    output: Path,
    checkpoint: Path,
    board: Path,
    *,
    seed: int = 0,
    device: torch.device = HOST,
) -> None:
    """Train one level and write field.safetensors, flatfield.safetensors and history.json.

    frames_folders: prepared projections of each state. canonicals: output
    folders of the canonical stage. previous: output folder of the coarser level
    that this one starts from, None for the first. checkpoint: file from which a
    killed run goes on. board: folder of TensorBoard's event files. device:
    where the field is computed. Raises InputError where an input cannot be read
    or no projection is left to train on.
    """
    frames = [prepared.load(folder) for folder in frames_folders.values()]
    baked = {direction: BakedField.load(folder / "baked.safetensors") for direction, folder in canonicals.items()}
    voxels, count = fitting(velocity_title(level), partial(velocity_need, settings, level), len(baked["forward"].volume), device)
    scans = {direction: scan.coarser(voxels).to(device) for direction, scan in baked.items()}
    declared = {state: of_state.flat_field for state, of_state in zip(frames_folders, frames, strict=True)}
    field, flat_field = (part.to(device) for part in start(settings, level, canonicals, previous, declared))
    task = VelocityTask(settings, level, frames, scans, field, flat_field, early_times_first=previous is None, seed=seed, device=device)
    sources = [f / name for f in frames_folders.values() for name in ("frames.json", "projections.npy")]
    sources += [folder / "baked.safetensors" for folder in canonicals.values()]
    sources += [previous / "field.safetensors"] if previous is not None else []
    fingerprint = {
        "settings": settings.model_dump(exclude={"levels", "checkpoint_every"}),
        "level": level.model_dump(),
        "seed": seed,
        "voxels": voxels,
        "inputs": [digests.recorded(source) for source in sources],
    }
    with atomic_folder(output) as folder:
        run = Run(Checkpoint(checkpoint, fingerprint), settings.checkpoint_every, settings.evaluate_every, board, count)
        train(task, run).save(folder / "history.json")
        field.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")


def start(
    settings: Velocity, level: Level, canonicals: Mapping[Direction, Path], previous: Path | None, declared: Mapping[str, float]
) -> tuple[VelocityField, FlatField]:
    """The velocity field and f(t) that the level begins with.

    Those of the coarser level, where there is one. Else no motion, and f as a
    straight line between the trained f of the scans. declared: the flat field
    level I0 in the transforms file of each state. Where that of the sequence
    differs from a scan's, the line is shifted at that scan's time by the
    difference of -log(I0), as the scan was trained with another I0.
    """
    if previous is not None:
        field = VelocityField.load(previous / "field.safetensors").refined(level.resolution)
        return field, FlatField.load(previous / "flatfield.safetensors")
    field = VelocityField(level.resolution, settings.modes, longest_step=settings.ode_step, solver=settings.solver)
    ends = [FlatField.load(canonicals[d] / "flatfield.safetensors").level(time) for d, time in SCAN_TIME.items()]
    shift = [math.log(declared[d] / declared.get("between", declared[d])) for d in SCAN_TIME]  # f = -log(I0)
    return field, FlatField.between(ends[0] + shift[0], ends[1] + shift[1], settings.flat_field.knots)
