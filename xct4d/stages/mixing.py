"""The mixing coefficient: which canonical to trust where and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Mixing
from xct4d.device import HOST, sent
from xct4d.directions import Direction
from xct4d.errors import InputError
from xct4d.fields import occupancy
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixing import SplineMixer
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io import prepared
from xct4d.io.atomic import atomic_folder
from xct4d.training import held_out, memory
from xct4d.training.ahead import Ahead
from xct4d.training.checkpoint import Checkpoint, file_digest
from xct4d.training.loop import Run, slices_image, train
from xct4d.training.losses import projection_loss
from xct4d.training.optimizer import Adam
from xct4d.training.random import generator
from xct4d.training.rays import Batch, draw, moments
from xct4d.training.schedule import learning_rates
from xct4d.training.shares import Share

HELD_OUT_SHOWN = 3
INSPECTED_VOXELS = 64
INSPECTED_TIMES = (0.25, 0.5, 0.75)


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
    """Train a spline mixer over frozen canonicals and velocity.

    Writes field.safetensors, flatfield.safetensors and history.json.
    frames_folders: prepared projections of each state. canonicals, velocity:
    output folders of those stages. A killed run goes on from `checkpoint`;
    board is the folder of TensorBoard's event files. device: where it is
    computed. Raises InputError where an
    input cannot be read or no projection is left to train on.
    """
    title = "mixing"
    frames = [prepared.load(folder) for folder in frames_folders.values()]
    # At the ends alpha is 0 and 1 whatever the spline says: only the moments in between teach it.
    training = [m for m in moments(frames) if 0 < m.mean_time < 1]
    if not training:
        raise InputError("mixing: spline has no projection between the ends to learn from", where="mixing.method", fix="choose temporal")
    shown = held_out.spread([m for m in moments(frames, held_out=True) if 0 < m.mean_time < 1], HELD_OUT_SHOWN)
    motion = VelocityField.load(velocity / "field.safetensors").to(device)
    motion.requires_grad_(False)
    scans = [BakedField.load(canonicals[d] / "baked.safetensors") for d in ("forward", "backward")]
    voxels, shares = memory.fitting(title, lambda n: memory.mixing(settings, motion, n), len(scans[0].volume), device)
    start, stop = (scan.coarser(voxels).to(device) for scan in scans)
    flat_field = FlatField.load(velocity / "flatfield.safetensors").to(device)
    mixer = SplineMixer(settings.resolution, settings.modes).to(device)
    held = [(occupancy.centres(occupancy.occupied(field, generator(seed, title), device)), home) for field, home in ((start, 0.0), (stop, 1.0))]

    @cache  # what moves is frozen
    def cells(time: float) -> torch.Tensor:
        return torch.stack([occupancy.reached(motion.flow(those, home, time)) for those, home in held]).any(0)

    def mixed(points: torch.Tensor, time: float) -> torch.Tensor:
        carried = start(motion.flow(points, time, 0.0)), stop(motion.flow(points, time, 1.0))
        return torch.lerp(*carried, mixer(points, time))

    def draw_for(share: Share) -> Callable[[], Batch]:
        rng = share.random(seed, title)
        return draw(training[int(rng.integers(len(training)))], rng, share.of(settings.rays), settings.samples, cells)

    drawn = Ahead(draw_for, settings.steps, device)

    def take_step(share: Share) -> dict[str, torch.Tensor]:
        batch = drawn.take(share)()
        densities = [mixed(e.samples.points, e.time) for e in batch.exposures]
        flat_fields = [flat_field(e.time) for e in batch.exposures]
        terms = {"projection": projection_loss(batch, densities, flat_fields)}
        loss = terms["projection"]
        if settings.flat_field.train:
            terms["flat_field"] = torch.stack(flat_fields).square().mean()
            loss = loss + settings.flat_field.penalty * terms["flat_field"]
        return {"loss": loss} | terms

    @torch.no_grad()
    def predicted(points: torch.Tensor, time: float) -> torch.Tensor:
        return mixed(points, time)

    def inspect(summary: SummaryWriter, step: int) -> None:
        axis = voxel_centres(INSPECTED_VOXELS)
        points = sent(grid_points(axis, axis, axis).astype(np.float32), device)
        cube = 3 * [INSPECTED_VOXELS]
        for time in INSPECTED_TIMES:
            with torch.no_grad():
                summary.add_image(f"alpha/t{time}", slices_image(mixer(points, time).reshape(cube).cpu().numpy()), step)
        summary.add_image("slices", slices_image(predicted(points, 0.5).reshape(cube).cpu().numpy()), step)

    sources = [f / name for f in frames_folders.values() for name in ("frames.json", "projections.npy")]
    sources += [folder / "baked.safetensors" for folder in canonicals.values()] + [velocity / "field.safetensors"]
    inputs = [file_digest(source) for source in sources]
    saved = Checkpoint(checkpoint, {"settings": settings.model_dump(exclude={"checkpoint_every"}), "seed": seed, "inputs": inputs})
    with atomic_folder(output) as folder:
        history = train(
            Run(
                title=title, rate_key="mixing.schedule.learning_rate", steps=settings.steps, take_step=take_step,
                rates=lambda step: learning_rates(settings.schedule, settings.schedule.learning_rate, settings.flat_field, step, settings.steps),
                optimizer=Adam({"field": dict(mixer.named_parameters()), "flat_field": dict(flat_field.named_parameters())}),
                checkpoint=saved, checkpoint_every=settings.checkpoint_every,
                compare=lambda: [held_out.compare(predicted, lambda t: float(flat_field(t).detach()), *s, cells=cells) for s in shown],
                compare_every=settings.evaluate_every, inspect=inspect, board=board,
                shares=shares,
            )
        )  # fmt: skip
        history.save(folder / "history.json")
        mixer.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")
    saved.remove()
