"""mixing: the mixing coefficient, which tells which scan to trust where and when."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from xct4d.config import Mixing
from xct4d.device import HOST
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixers.registry import trained_mixer
from xct4d.fields.velocity import VelocityField
from xct4d.io import digests, prepared
from xct4d.io.atomic import atomic_folder
from xct4d.io.checkpoint import Checkpoint
from xct4d.training.loop.run import Run, train
from xct4d.training.memory.mixing import mixing_need
from xct4d.training.memory.need import fitting
from xct4d.training.tasks.mixing import MixingTask


def mixing(
    settings: Mixing,
    frames_folders: Mapping[str, Path],
    canonicals: Mapping[Direction, Path],
    velocity: Path,
    output: Path,
    checkpoint: Path,
    board: Path,
    *,
    seed: int = 0,
    device: torch.device = HOST,
) -> None:
    """Train a mixer for scans and motion that stay as they are; write field.safetensors, flatfield.safetensors and history.json.

    frames_folders: prepared projections of each state. canonicals, velocity:
    output folders of those stages. checkpoint: file from which a killed run
    goes on. board: folder of TensorBoard's event files. device: where the mixer
    is computed. Raises InputError where an input cannot be read or no
    projection is left to train on, ValueError for a mixer that is not trained.
    """
    frames = [prepared.load(folder) for folder in frames_folders.values()]
    motion = VelocityField.load(velocity / "field.safetensors").to(device)
    baked = {direction: BakedField.load(canonicals[direction] / "baked.safetensors") for direction in SCAN_TIME}
    voxels, count = fitting(MixingTask.title, partial(mixing_need, settings, motion), len(baked["forward"].volume), device)
    scans = {direction: scan.coarser(voxels).to(device) for direction, scan in baked.items()}
    flat_field = FlatField.load(velocity / "flatfield.safetensors").to(device)
    mixer = trained_mixer(settings.method).from_settings(settings).to(device)
    task = MixingTask(settings, frames, scans, motion, mixer, flat_field, seed=seed, device=device)
    sources = [f / name for f in frames_folders.values() for name in ("frames.json", "projections.npy")]
    sources += [folder / "baked.safetensors" for folder in canonicals.values()] + [velocity / "field.safetensors"]
    fingerprint = {
        "settings": settings.model_dump(exclude={"checkpoint_every"}),
        "seed": seed,
        "inputs": [digests.recorded(source) for source in sources],
    }
    with atomic_folder(output) as folder:
        shown = {"mixing": settings.model_dump(mode="json"), "seed": seed}
        run = Run(Checkpoint(checkpoint, fingerprint), settings.checkpoint_every, settings.evaluate_every, board, count, shown)
        train(task, run).save(folder / "history.json")
        mixer.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")
