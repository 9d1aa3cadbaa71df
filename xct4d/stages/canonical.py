"""canonical: the static attenuation field of one scan, a reconstruction in voxels refined by a hash grid and an MLP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from xct4d.config import Canonical
from xct4d.device import HOST
from xct4d.fields.baked import BakedField
from xct4d.fields.density import DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.known_grid import KnownGrid
from xct4d.io import digests, prepared, strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.io.checkpoint import Checkpoint, array_digest
from xct4d.reconstruction.run import reconstructed
from xct4d.training.loop.run import Run, train
from xct4d.training.memory.canonical import canonical_need
from xct4d.training.memory.need import micro_batches
from xct4d.training.sampling.random import generator
from xct4d.training.tasks.canonical import CanonicalTask, RayBudget


def canonical(
    settings: Canonical,
    frames_folder: Path,
    output: Path,
    checkpoint: Path,
    board: Path,
    *,
    title: str = "canonical",
    volume: np.ndarray | None = None,
    on_faces: bool = False,
    seed: int = 0,
    device: torch.device = HOST,
) -> None:
    """Fit the field and write field.safetensors, flatfield.safetensors, baked.safetensors, history.json and reconstruction.json.

    frames_folder: prepared projections of the scan. checkpoint: file from which
    a killed run goes on. board: folder of TensorBoard's event files. title: in
    progress lines; it also selects the random numbers. volume: the scan's known
    attenuation (z, y, x), compared by normalized correlation where
    settings.volume_weight is above zero. on_faces: whether its outermost values
    lie on the faces of the box, not half a voxel within. device: where the field is computed.
    Raises InputError where the projections cannot be read or none is left to
    train on.
    """
    frames = prepared.load(frames_folder)
    need = canonical_need(settings, RayBudget(settings).most_parts)
    count = micro_batches(title, need, device)  # by the memory that is free before any field is there
    pixels = {"pixels": digests.recorded(frames_folder / "projections.npy"), "frames": digests.recorded(frames_folder / "frames.json")}
    swept = Checkpoint(checkpoint.with_name(f"{checkpoint.name}.reconstruction"), pixels | {"voxels": settings.bake, "device": device.type})
    attenuation, sweeps = reconstructed(frames, settings.bake, swept, title, device)
    field = DensityField(settings.grid, attenuation)
    field.initialise(torch.Generator().manual_seed(seed))
    field.on(device)
    field.find_empty_cells(generator(seed, f"{title} cells"))
    flat_field = FlatField.constant(frames.flat_field).to(device)
    known = KnownGrid(torch.from_numpy(volume), on_faces=on_faces).to(device) if volume is not None and settings.volume_weight > 0 else None
    task = CanonicalTask(settings, frames, field, flat_field, known, title=title, seed=seed, device=device)
    fingerprint = {
        "settings": settings.model_dump(exclude={"checkpoint_every"}),
        "seed": seed,
        "title": title,
        "backend": field.backend,
        "volume": None if known is None or volume is None else [array_digest(volume), on_faces],
    } | pixels
    with atomic_folder(output) as folder:
        shown = {"canonical": settings.model_dump(mode="json"), "seed": seed}
        run = Run(Checkpoint(checkpoint, fingerprint), settings.checkpoint_every, settings.evaluate_every, board, count, shown)
        train(task, run).save(folder / "history.json")
        field.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")
        BakedField.bake(field, len(attenuation)).save(folder / "baked.safetensors")
        (folder / "reconstruction.json").write_text(strict_json.dumps(sweeps))
