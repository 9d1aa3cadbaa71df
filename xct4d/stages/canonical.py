"""The static field of one end: hash grid and MLP fitted to the end's projections."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Canonical
from xct4d.device import HOST, sent
from xct4d.fields.baked import BakedField
from xct4d.fields.density import DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io import prepared
from xct4d.io.atomic import atomic_folder
from xct4d.training import held_out, memory
from xct4d.training.ahead import Ahead
from xct4d.training.checkpoint import Checkpoint, array_digest, file_digest
from xct4d.training.loop import Run, slices_image, train
from xct4d.training.losses import correlation_loss, projection_loss
from xct4d.training.optimizer import Adam
from xct4d.training.rays import Batch, draw, moments
from xct4d.training.schedule import learning_rates
from xct4d.training.shares import Share

HELD_OUT_SHOWN = 2
SLICE_VOXELS = 96
FIRST_LOOK = 0.15  # part of the steps after which empty cells are looked for: the fog of the start has lifted
FINEST = 4  # times finer than settings.samples a ray is divided at most
MOST_SAVED = 32  # times
LOOK_EVERY = 0.05  # part of the steps between looks
VOLUME_POINTS = 16384  # per step, for the known volume


def canonical(
    settings: Canonical,
    frames_folder: Path,
    output: Path,
    checkpoint: Path,
    board: Path,
    *,
    title: str = "canonical",
    volume: np.ndarray | None = None,
    seed: int = 0,
    device: torch.device = HOST,
) -> None:
    """Fit the field and write field.safetensors, flatfield.safetensors, baked.safetensors and history.json.

    frames_folder: prepared projections of the end. volume: the end's known
    attenuation (z, y, x), compared by normalized correlation where
    settings.volume_weight is above zero. A killed run goes on from `checkpoint`;
    board is the folder of TensorBoard's event files. device: where it is
    computed.
    Raises InputError where the projections cannot be read or none is left to train on.
    """
    frames = prepared.load(frames_folder)
    training = moments([frames])
    shown = held_out.spread(moments([frames], held_out=True), HELD_OUT_SHOWN)
    shares = memory.shares(title, memory.canonical(settings, MOST_SAVED * settings.rays * settings.samples), device)  # before any of it is there
    field = DensityField(settings.grid)
    field.initialise(torch.Generator().manual_seed(seed))
    field.on(device)
    flat_field = FlatField.constant(frames.flat_field).to(device)
    known = BakedField(torch.from_numpy(volume)).to(device) if volume is not None and settings.volume_weight > 0 else None

    first_look, look_every = round(FIRST_LOOK * settings.steps), max(round(LOOK_EVERY * settings.steps), 1)

    @cache
    def spent(_look: int) -> tuple[int, int]:
        return _spent(settings, field.cells)

    def draw_for(share: Share) -> tuple[np.random.Generator, Callable[[], Batch]]:
        rng = share.random(seed, title)
        look, after = divmod(share.step - first_look, look_every)
        if look >= 0 and after == 0 and share.index == 0:
            field.find_empty_cells(rng)
        rays, parts = spent(max(look, -1))
        return rng, draw(training[int(rng.integers(len(training)))], rng, share.of(rays), parts, lambda _t: field.cells)

    drawn = Ahead(draw_for, settings.steps, device)

    def take_step(share: Share) -> dict[str, torch.Tensor]:
        rng, drawn_batch = drawn.take(share)
        batch = drawn_batch()
        densities = [field(exposure.samples.points) for exposure in batch.exposures]
        f = flat_field(0.0)
        terms = {"projection": projection_loss(batch, densities, [f] * len(densities))}
        loss = terms["projection"]
        if settings.flat_field.train:
            terms["flat_field"] = f.square()
            loss = loss + settings.flat_field.penalty * terms["flat_field"]
        if known is not None:
            points = sent(rng.uniform(-1, 1, (share.of(VOLUME_POINTS), 3)).astype(np.float32), device)
            terms["volume"] = correlation_loss(field(points), known(points))
            loss = loss + settings.volume_weight * terms["volume"]
        return {"loss": loss} | terms

    def density(points, _time):
        return field.evaluate(points)

    def inspect(board: SummaryWriter, step: int) -> None:
        axis = voxel_centres(SLICE_VOXELS)
        coarse = field.evaluate(sent(grid_points(axis, axis, axis).astype(np.float32), device))
        board.add_image("slices", slices_image(coarse.reshape(3 * [SLICE_VOXELS]).cpu().numpy()), step)
        board.add_scalar("flat_field/f", float(flat_field.control.detach()[0]), step)

    fingerprint = {"settings": settings.model_dump(exclude={"checkpoint_every"}), "seed": seed, "title": title, "backend": field.backend, "pixels": file_digest(frames_folder / "projections.npy")}
    fingerprint["frames"] = file_digest(frames_folder / "frames.json")
    fingerprint["volume"] = None if known is None else array_digest(volume)
    saved = Checkpoint(checkpoint, fingerprint)
    with atomic_folder(output) as folder:
        history = train(
            Run(
                title=title, rate_key="canonical.schedule.learning_rate", steps=settings.steps, take_step=take_step,
                rates=lambda step: learning_rates(settings.schedule, settings.schedule.learning_rate, settings.flat_field, step, settings.steps),
                optimizer=Adam({"field": dict(field.named_parameters()), "flat_field": dict(flat_field.named_parameters())}),
                checkpoint=saved, checkpoint_every=settings.checkpoint_every,
                compare=lambda: [held_out.compare(density, lambda t: float(flat_field(t).detach()), *s, cells=lambda _t: field.cells) for s in shown],
                compare_every=settings.evaluate_every, inspect=inspect, board=board, buffers=dict(field.named_buffers()),
                shares=shares,
            )
        )  # fmt: skip
        history.save(folder / "history.json")
        field.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")
        BakedField.bake(field, settings.bake).save(folder / "baked.safetensors")
    saved.remove()


def _spent(settings: Canonical, cells: torch.Tensor) -> tuple[int, int]:
    """Rays and parts per ray of a step: what empty cells save is spent on finer parts first, then on more rays."""
    saved = min(1 / max(float(cells.float().mean()), 1e-6), MOST_SAVED)
    finer = min(saved, FINEST)
    return round(settings.rays * saved / finer), round(settings.samples * finer)
