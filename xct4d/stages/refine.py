"""refine: both scans, as voxels, and the motion between them, trained together once more."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from xct4d.config import Refinement
from xct4d.device import HOST
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.baked import BakedField
from xct4d.fields.density import DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.trained_voxels import TrainedVoxels
from xct4d.fields.velocity import VelocityField
from xct4d.io import digests, prepared
from xct4d.io.atomic import atomic_folder
from xct4d.io.checkpoint import Checkpoint
from xct4d.training.loop.run import Run, train
from xct4d.training.memory.need import fitting
from xct4d.training.memory.refinement import refinement_need
from xct4d.training.sampling.random import generator
from xct4d.training.tasks.refinement import RefinementTask

KEPT = ("flatfield.safetensors", "history.json", "reconstruction.json")  # of the canonical stage
Part = Direction | Literal["motion"]


def refine(
    settings: Refinement,
    frames_folders: Mapping[str, Path],
    canonicals: Mapping[Direction, Path],
    velocity: Path,
    outputs: Mapping[Part, Path],
    checkpoint: Path,
    board: Path,
    *,
    seed: int = 0,
    device: torch.device = HOST,
) -> None:
    """Train canonicals and motion together; write outputs that take the place of those of the canonical stage and of the finest velocity.

    frames_folders: prepared projections of each state. canonicals, velocity:
    output folders of those stages. outputs: a folder for each scan, with
    field.safetensors (the canonical and what was changed of it, in voxels),
    baked.safetensors, and what else is of the canonical stage, and one for the motion, with
    field.safetensors, flatfield.safetensors and history.json. checkpoint: file
    from which a killed run goes on. board: folder of TensorBoard's event files.
    device: where it is computed. Raises InputError where an input cannot be
    read or no projection is left to train on.
    """
    frames = [prepared.load(folder) for folder in frames_folders.values()]
    motion = VelocityField.load(velocity / "field.safetensors").to(device)
    flat_field = FlatField.load(velocity / "flatfield.safetensors").to(device)
    baked = {direction: BakedField.load(canonicals[direction] / "baked.safetensors") for direction in SCAN_TIME}
    voxels, count = fitting(RefinementTask.title, partial(refinement_need, settings, motion), len(baked["forward"].volume), device)
    before = {direction: scan.coarser(voxels) for direction, scan in baked.items()}
    scans = {direction: TrainedVoxels(scan).to(device) for direction, scan in before.items()}
    task = RefinementTask(settings, frames, scans, motion, flat_field, seed=seed, device=device)
    sources = [f / name for f in frames_folders.values() for name in ("frames.json", "projections.npy")]
    sources += [folder / "baked.safetensors" for folder in canonicals.values()] + [velocity / "field.safetensors"]
    fingerprint = {
        "settings": settings.model_dump(exclude={"checkpoint_every"}),
        "seed": seed,
        "voxels": voxels,
        "inputs": [digests.recorded(source) for source in sources],
    }
    with atomic_folder(outputs["motion"]) as folder:
        shown = {"refinement": settings.model_dump(mode="json"), "seed": seed}
        run = Run(Checkpoint(checkpoint, fingerprint), settings.checkpoint_every, settings.evaluate_every, board, count, shown)
        train(task, run).save(folder / "history.json")
        motion.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")
    for direction, scan in scans.items():
        scan.without_negatives()
        field = DensityField.load(canonicals[direction] / "field.safetensors")
        field.change_by(scan.volume.cpu() - before[direction].volume, generator(seed, f"{RefinementTask.title} {direction} cells"))
        with atomic_folder(outputs[direction]) as folder:
            field.save(folder / "field.safetensors")
            BakedField.bake(field, len(baked[direction].volume)).save(folder / "baked.safetensors")
            for name in KEPT:
                shutil.copyfile(canonicals[direction] / name, folder / name)
