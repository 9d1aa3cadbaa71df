"""velocity: one level of the velocity field, the motion that carries each scan through the projections in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from xct4d.config import Level, Velocity
from xct4d.device import HOST
from xct4d.directions import Direction
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.io import digests, prepared
from xct4d.io.atomic import atomic_folder
from xct4d.io.checkpoint import Checkpoint
from xct4d.io.history import History
from xct4d.io.stage_records import read_registration
from xct4d.motion.expected_residual import expected_residual
from xct4d.motion.path import COARSEST, PathFit, fineness, with_settings
from xct4d.motion.projections import projections_between
from xct4d.motion.scans import baked_volumes, beam_levels
from xct4d.progress import say
from xct4d.training.inspection.fit_board import FitBoard
from xct4d.training.loop.run import Run, train
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
    registration: Path | None = None,
    seed: int = 0,
    device: torch.device = HOST,
) -> None:
    """Fit one level and write field.safetensors, flatfield.safetensors and history.json.

    Where the registration has not lost its way, the level starts from it and
    fits all pixels at once, unless the registered motion leaves no more of the
    sequence than the scans leave of their own projections; a level with fewer
    control points than the registration has is the registration as this level
    can hold it. Where
    the registration has lost its way, the level is trained on random rays, from
    rest and from early times to late ones; so it is without a registration, which
    takes two scans.

    frames_folders: prepared projections of each state. canonicals,
    registration: output folders of these stages. previous: output folder of the
    coarser level, None for the first. checkpoint: file from which a
    killed run goes on. board: folder of TensorBoard's event files. device:
    where the field is computed. Raises InputError where an input cannot be read
    or no projection is left to train on.
    """
    settings = settings.at(level)
    if settings.start == "registration" and registration is not None:
        record = read_registration(registration / "registration.json")
        if not record["lost"]:
            fit_from_registration(settings, level, frames_folders, canonicals, registration, record, previous, output, checkpoint, board)
            return
    if len(canonicals) == 1 and previous is None:
        say("velocity: there is no second scan: the first is carried through the sequence; register, trust and mixing have nothing to do")
    frames = [prepared.load(folder) for folder in frames_folders.values()]
    baked = {direction: BakedField.load(folder / "baked.safetensors") for direction, folder in canonicals.items()}
    voxels, count = fitting(velocity_title(level), partial(velocity_need, settings, level), len(baked["forward"].volume), device)
    scans = {direction: scan.coarser(voxels).to(device) for direction, scan in baked.items()}
    declared = {state: of_state.flat_field for state, of_state in zip(frames_folders, frames, strict=True)}
    field, flat_field = start(settings, level, canonicals, previous, declared)
    field, flat_field = field.to(device), flat_field.to(device)
    task = VelocityTask(settings, level, frames, scans, field, flat_field, early_times_first=previous is None, seed=seed, device=device)
    fingerprint = _fingerprint(settings, level, frames_folders, canonicals, [previous]) | {"seed": seed, "voxels": voxels}
    shown = _shown(settings, level) | {"seed": seed}
    with atomic_folder(output) as folder:
        run = Run(Checkpoint(checkpoint, fingerprint), settings.checkpoint_every, settings.evaluate_every, board, count, shown)
        train(task, run).save(folder / "history.json")
        field.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")


def fit_from_registration(
    settings: Velocity,
    level: Level,
    frames_folders: Mapping[str, Path],
    canonicals: Mapping[Direction, Path],
    registration: Path,
    record: Mapping[str, Any],
    previous: Path | None,
    output: Path,
    checkpoint: Path,
    board: Path,
) -> None:
    """One level from the registration, of which record says what was found. It is computed on the CPU."""
    frames = {state: prepared.load(folder) for state, folder in frames_folders.items()}
    declared = {state: of_state.flat_field for state, of_state in frames.items()}
    flat_field = (
        FlatField.load(previous / "flatfield.safetensors") if previous is not None else flat_field_between(settings, canonicals, declared)
    )
    found = VelocityField.load(registration / "field.safetensors")
    registered = with_settings(found, modes=settings.modes, longest_step=settings.ode_step, solver=settings.solver).refined(
        level.resolution
    )
    sequence = projections_between(frames["between"], flat_field.level) if "between" in frames else []
    stored = Checkpoint(checkpoint, _fingerprint(settings, level, frames_folders, canonicals, [registration, previous]))
    with FitBoard(board, _shown(settings, level), canonicals, registered, flat_field) as watch:
        if sequence and level.resolution >= COARSEST:
            finer = previous is not None and int(previous.name) >= COARSEST
            start_field = VelocityField.load(previous / "field.safetensors").refined(level.resolution) if finer and previous else registered
            scans = baked_volumes(canonicals)
            expected = expected_residual(scans, frames, canonicals, sequence, registered.law, fineness(level.resolution))
            fit = PathFit(velocity_title(level), scans, sequence, registered, start_field, expected)
            field, history = fit.run(stored, say, watch.curves)
        else:
            left = float(record.get("sequence_residual", record["texture_residual"]))
            field, history = registered, History([0], {"loss": [left], "projection": [left]})
            watch.curves(0, field.control.detach().numpy(), {"loss": left})
        watch.pictures(history.step[-1], field.control.detach().numpy())
    with atomic_folder(output) as folder:
        history.save(folder / "history.json")
        field.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")


def start(
    settings: Velocity, level: Level, canonicals: Mapping[Direction, Path], previous: Path | None, declared: Mapping[str, float]
) -> tuple[VelocityField, FlatField]:
    """The velocity field and f(t) that the level begins with.

    Those of the coarser level, where there is one. Else no motion, and f as a
    straight line between that of the beam at the scans. declared: the flat field
    level I0 in the files of each state.
    """
    if previous is not None:
        field = VelocityField.load(previous / "field.safetensors").refined(level.resolution)
        field.longest_step, field.solver = settings.ode_step, settings.solver
        return field, FlatField.load(previous / "flatfield.safetensors")
    field = VelocityField(level.resolution, settings.modes, longest_step=settings.ode_step, solver=settings.solver)
    return field, flat_field_between(settings, canonicals, declared)


def flat_field_between(settings: Velocity, canonicals: Mapping[Direction, Path], declared: Mapping[str, float]) -> FlatField:
    """f(t) as a straight line between that of the sequence's beam at the scans (motion.scans.beam_levels), or that at the one that there is."""
    levels = beam_levels(canonicals, declared)
    return FlatField.between(levels[0], levels[-1], settings.flat_field.knots)


def _shown(settings: Velocity, level: Level) -> dict[str, Any]:
    """The configuration of a level, for TensorBoard."""
    return {"velocity": settings.model_dump(mode="json", exclude={"levels"}), "level": level.model_dump(mode="json", exclude_none=True)}


def _fingerprint(
    settings: Velocity,
    level: Level,
    frames_folders: Mapping[str, Path],
    canonicals: Mapping[Direction, Path],
    starts: Sequence[Path | None],
) -> dict[str, Any]:
    """What a checkpoint depends on. starts: output folders of the stages that the level starts from."""
    sources = [f / name for f in frames_folders.values() for name in ("frames.json", "projections.npy")]
    sources += [folder / "baked.safetensors" for folder in canonicals.values()]
    sources += [folder / "field.safetensors" for folder in starts if folder is not None]
    return {
        "settings": settings.model_dump(exclude={"levels", "checkpoint_every"}),
        "level": level.model_dump(),
        "inputs": [digests.recorded(source) for source in sources],
    }
