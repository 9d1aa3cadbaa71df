"""One level of the velocity field: the motion that carries each canonical through the projections in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from xct4d.config import Level, Velocity
from xct4d.device import HOST, sent
from xct4d.directions import Direction
from xct4d.fields import occupancy
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io import prepared
from xct4d.io.atomic import atomic_folder
from xct4d.training import held_out, memory
from xct4d.training.ahead import Ahead
from xct4d.training.checkpoint import Checkpoint, file_digest
from xct4d.training.loop import Run, slices_image, train
from xct4d.training.losses import correlation_loss, projection_loss
from xct4d.training.optimizer import Adam
from xct4d.training.random import generator
from xct4d.training.rays import Batch, Moment, draw, moments
from xct4d.training.schedule import learning_rates
from xct4d.training.shares import Share

HOME: dict[Direction, float] = {"forward": 0.0, "backward": 1.0}  # the time of each canonical
HELD_OUT_SHOWN = 3
INSPECTED_VOXELS = 64
SOLID = 0.3  # of the densest material: voxels above it are solid
DENSEST = 0.999  # of the voxels are less dense than what counts as the densest material


@dataclass(frozen=True)
class Drawn:
    """What a step begins with, and the random numbers with which it goes on."""

    random: np.random.Generator
    direction: Direction
    moment: Moment
    batch: Callable[[], Batch]


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
    that this one starts from. A killed run goes on from `checkpoint`; board is
    the folder of TensorBoard's event files. device: where it is computed. Raises InputError where an input
    cannot be read or no projection is left to train on.
    """
    title = f"velocity {level.resolution}"
    frames = [prepared.load(folder) for folder in frames_folders.values()]
    training = moments(frames, at_most=settings.max_images_per_time)
    shown = held_out.spread([m for m in moments(frames, held_out=True) if 0 < m.mean_time < 1], HELD_OUT_SHOWN)
    scans = {direction: BakedField.load(folder / "baked.safetensors") for direction, folder in canonicals.items()}
    voxels, shares = memory.fitting(title, lambda n: memory.velocity(settings, level, n), len(scans["forward"].volume), device)
    sharp = {direction: scan.coarser(voxels).to(device) for direction, scan in scans.items()}
    density = {direction: field.blurred(level.blur) for direction, field in sharp.items()}
    held = {direction: occupancy.centres(occupancy.occupied(field, generator(seed, title), device), parts=1) for direction, field in density.items()}
    solid = {direction: _solid_voxels(volume) for direction, volume in sharp.items()} if level.strain_weight > 0 else {}
    declared = {state: frames_of.flat_field for state, frames_of in zip(frames_folders, frames, strict=True)}
    field, flat_field = (part.to(device) for part in _start(settings, level, canonicals, previous, declared))
    first = previous is None

    def cells(direction: Direction, time: float) -> torch.Tensor:
        """Which cells of the box the canonical's material is in at a time, as the motion stands: samples elsewhere would teach nothing."""
        with torch.no_grad():
            return occupancy.reached(field.flow(held[direction], HOME[direction], time), reach=1.0)

    def draw_for(share: Share) -> Drawn:
        rng = share.random(seed, title)
        direction: Direction = "forward" if share.step % 2 == 0 else "backward"
        reach = _reach(settings, share.step, level.steps) if first else 1.0
        moment = _choose(training, HOME[direction], reach, rng)
        return Drawn(rng, direction, moment, draw(moment, rng, share.of(settings.rays), settings.samples, lambda time: cells(direction, time)))

    drawn = Ahead(draw_for, level.steps, device)

    def take_step(share: Share) -> dict[str, torch.Tensor]:
        own = drawn.take(share)
        rng, direction, moment, batch = own.random, own.direction, own.moment, own.batch()
        home, count = HOME[direction], share.of(settings.points)
        carried = field.flow_together([e.samples.points for e in batch.exposures], [(e.time, home) for e in batch.exposures])
        densities = density[direction](torch.cat(carried)).split([len(points) for points in carried])
        terms = {"projection": projection_loss(batch, densities, [flat_field(e.time) for e in batch.exposures])}
        loss = terms["projection"]
        if settings.volume_weight > 0:
            points = _random_points(rng, count, device)
            terms["volume"] = correlation_loss(density[direction](field.flow(points, 1 - home, home)), _other(density, direction)(points))
            loss = loss + settings.volume_weight * terms["volume"]
        if settings.mismatch_weight > 0:
            points, time = _random_points(rng, count, device), float(rng.uniform())
            there = field.flow_together([points, points], [(time, HOME[d]) for d in HOME])
            terms["mismatch"] = (density["forward"](there[0]) - density["backward"](there[1])).square().mean()
            loss = loss + settings.mismatch_weight * terms["mismatch"]
        if level.strain_weight > 0:
            material, time = _some(solid[direction], rng, count), moment.mean_time
            with torch.no_grad():
                material = field.flow(material, home, time)
            terms["strain"] = field.stretch_rate(material, _random_directions(rng, count, device), time).square().mean()
            loss = loss + level.strain_weight * terms["strain"]
        if level.smoothness_weight > 0:
            terms["smoothness"] = field.bending_energy(rng.uniform(size=1))
            loss = loss + level.smoothness_weight * terms["smoothness"]
        if settings.flat_field.train:
            terms["flat_field"] = torch.stack([flat_field(e.time) for e in batch.exposures]).square().mean()
            loss = loss + settings.flat_field.penalty * terms["flat_field"]
        return {"loss": loss} | terms

    @torch.no_grad()
    def blended(points: torch.Tensor, time: float) -> torch.Tensor:
        carried = [sharp[d](field.flow(points, time, HOME[d])) for d in HOME]
        return torch.lerp(carried[0], carried[1], time)

    def inspect(summary: SummaryWriter, step: int) -> None:
        axis = voxel_centres(INSPECTED_VOXELS)
        points = sent(grid_points(axis, axis, axis).astype(np.float32), device)
        with torch.no_grad():
            moved = (field.flow(points, 0.0, 1.0) - points).norm(dim=-1)
        summary.add_scalar("displacement/mean", float(moved.mean()), step)
        summary.add_scalar("displacement/largest", float(moved.max()), step)
        summary.add_image("displacement", slices_image(moved.reshape(3 * [INSPECTED_VOXELS]).cpu().numpy()), step)
        summary.add_image("slices", slices_image(blended(points, 0.5).reshape(3 * [INSPECTED_VOXELS]).cpu().numpy()), step)

    fingerprint = {"settings": settings.model_dump(exclude={"levels", "checkpoint_every"}), "level": level.model_dump(), "seed": seed, "voxels": voxels}
    sources = [f / name for f in frames_folders.values() for name in ("frames.json", "projections.npy")]
    sources += [folder / "baked.safetensors" for folder in canonicals.values()]
    sources += [previous / "field.safetensors"] if previous is not None else []
    saved = Checkpoint(checkpoint, fingerprint | {"inputs": [file_digest(source) for source in sources]})
    with atomic_folder(output) as folder:
        history = train(
            Run(
                title=title, rate_key=f"velocity.levels (resolution {level.resolution}): learning_rate", steps=level.steps, take_step=take_step,
                rates=lambda step: learning_rates(settings.schedule, level.learning_rate, settings.flat_field, step, level.steps),
                optimizer=Adam({"field": dict(field.named_parameters()), "flat_field": dict(flat_field.named_parameters())}),
                checkpoint=saved, checkpoint_every=settings.checkpoint_every,
                compare=lambda: [held_out.compare(blended, lambda t: float(flat_field(t).detach()), *s, cells=lambda t: cells("forward", t) | cells("backward", t)) for s in shown],
                compare_every=settings.evaluate_every, inspect=inspect, board=board,
                shares=shares,
            )
        )  # fmt: skip
        history.save(folder / "history.json")
        field.save(folder / "field.safetensors")
        flat_field.save(folder / "flatfield.safetensors")
    saved.remove()


def _start(
    settings: Velocity, level: Level, canonicals: Mapping[Direction, Path], previous: Path | None, declared: Mapping[str, float]
) -> tuple[VelocityField, FlatField]:
    """The field and f(t) that the level begins with: the coarser level's, else no motion, and a straight line between the scans' trained f.

    declared: the I0 level, a transmission, that each state's transforms file
    gives. Where the sequence's is not a scan's, the line is shifted at that
    scan's end by as much: the scans were trained with another I0.
    """
    if previous is not None:
        field = VelocityField.load(previous / "field.safetensors").refined(level.resolution)
        return field, FlatField.load(previous / "flatfield.safetensors")
    field = VelocityField(level.resolution, settings.modes, longest_step=settings.ode_step, solver=settings.solver)
    ends = [float(FlatField.load(canonicals[d] / "flatfield.safetensors")(HOME[d]).detach()) for d in HOME]
    shift = [math.log(declared[d] / declared.get("between", declared[d])) for d in HOME]  # f = -log(I0)
    return field, FlatField.between(ends[0] + shift[0], ends[1] + shift[1], settings.flat_field.knots)


def _reach(settings: Velocity, step: int, steps: int) -> float:
    """How far from its canonical's end a moment may lie at this step: early times first."""
    return 1.0 if settings.early_times_first == 0 else min(1.0, (step + 1) / (settings.early_times_first * steps))


def _choose(training: list[Moment], home: float, reach: float, rng: np.random.Generator) -> Moment:
    """A moment within reach of an end, but not the end itself: nothing has moved there, so it teaches nothing."""
    distance = np.array([abs(moment.mean_time - home) for moment in training])
    moving = distance > 0
    near = np.flatnonzero(moving & (distance <= max(reach, distance[moving].min())))
    return training[int(rng.choice(near))]


def _solid_voxels(baked: BakedField) -> torch.Tensor:
    """Centres [M, 3] of the voxels that hold material."""
    voxels = baked.volume.reshape(-1).float()
    densest = voxels.kthvalue(max(int(DENSEST * len(voxels)), 1)).values
    return (torch.nonzero(baked.volume > SOLID * densest).flip(1) + 0.5) * (2 / len(baked.volume)) - 1


def _some(points: torch.Tensor, rng: np.random.Generator, count: int) -> torch.Tensor:
    return points[sent(rng.integers(len(points), size=count), points.device)]


def _random_directions(rng: np.random.Generator, count: int, device: torch.device) -> torch.Tensor:
    vectors = rng.normal(size=(count, 3)).astype(np.float32)
    return sent(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), device)


def _random_points(rng: np.random.Generator, count: int, device: torch.device) -> torch.Tensor:
    return sent(rng.uniform(-1, 1, (count, 3)).astype(np.float32), device)


def _other(density: Mapping[Direction, BakedField], direction: Direction) -> BakedField:
    return density["backward" if direction == "forward" else "forward"]
