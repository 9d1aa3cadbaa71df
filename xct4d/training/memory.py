"""What a training takes of a GPU's memory, and what gives way where that is more than there is.

Predicted array by array from the configuration. First the rays of a step are
divided: in parts they give the same gradients. If not even that helps, the
volumes of the two scans are held coarser. What a prediction misses, running
out of memory tells (training.shares).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from xct4d import config
from xct4d.errors import InputError
from xct4d.fields.velocity import VelocityField
from xct4d.kernels.shared.hash_layout import HashLayout
from xct4d.kernels.shared.time_steps import TimeSteps
from xct4d.progress import say
from xct4d.training.shares import MOST

FLOAT, HALF = 4, 2  # bytes
POINT = 3 * FLOAT
PLACING = 21  # a part of a ray: its jitter, whether it is occupied, how many were before it, and the sum of that in passing
AT_ONCE = 2  # batches: the next one is made before this one is used
HELD_OUT = 2**21 * 64 + 2**19 * 1024  # samples and points that a look at held-out projections takes at once (training.render, fields.density)
CONTEXT = 600 * 2**20  # CUDA itself, cuBLAS, compiled kernels
USED = 0.9  # of the free memory: the rest is lost between blocks
GOOD = MOST // 4  # parts of a step: more would leave no way out if memory runs out all the same
COARSEST = 4  # voxels averaged along an axis, at most


@dataclass(frozen=True)
class Need:
    """Bytes of a GPU's memory: what stays, and what one step takes beside it."""

    lasting: int
    step: int
    largest: str  # key of the configuration behind most of what stays

    def fits(self, free: int, parts: int = MOST) -> bool:
        """Whether so many parts of a step bring it into so many free bytes."""
        return self.step <= (USED * free - self.lasting) * parts

    def shares(self, free: int) -> int:
        """Parts into which a step must go. Raises InputError where nothing helps."""
        if not self.fits(free):
            raise InputError(
                f"some {(self.lasting + self.step / MOST) / USED / 2**30:.1f} GB of GPU memory are needed, {free / 2**30:.1f} GB are free",
                where=self.largest,
                fix="lower it, or set device: cpu",
            )
        return max(1, math.ceil(self.step / (USED * free - self.lasting)))


def shares(title: str, need: Need, device: torch.device) -> int:
    """Parts of a step on this device as its memory now is; on the CPU the system's memory is asked for instead (xct4d.workflow.demand)."""
    if device.type == "cpu":
        return 1
    free = torch.cuda.mem_get_info()[0]
    parts = need.shares(free)
    if parts > 1:
        say(f"{title}: {free / 2**30:.1f} GB of GPU memory are free; a step goes in {parts} parts, the sum stays the same")
    return parts


def fitting(title: str, need: Callable[[int], Need], bake: int, device: torch.device) -> tuple[int, int]:
    """(voxels per axis of the scans' volumes, parts of a step) that the device's memory holds as it now is, before they are there.

    need: of a number of voxels per axis; bake: as many as there are. Raises InputError where nothing helps.
    """
    if device.type == "cpu":
        return bake, 1
    free = torch.cuda.mem_get_info()[0]
    sizes = [bake // averaged for averaged in range(1, COARSEST + 1)]
    voxels = next((size for size in sizes if need(size).fits(free, GOOD)), bake)
    parts = shares(title, need(voxels), device)
    if voxels < bake:
        say(f"{title}: the scans are held with {voxels} voxels per axis, not {bake}: {free / 2**30:.1f} GB of GPU memory are free")
    return voxels, parts


def canonical(settings: config.Canonical, most_parts: int) -> Need:
    """Of training the static field of one end.

    most_parts: parts of rays in a step, at most; the samples in them are never more than rays x samples.
    """
    grid = settings.grid
    layout = HashLayout(grid.levels, grid.log2_size, grid.coarsest, grid.finest)
    parameters = FLOAT * (2 * layout.entries + (layout.width + 1) * grid.width)
    known = HALF * settings.bake**3 if settings.volume_weight > 0 else 0  # as fine as the baked one, most likely
    # encoded points and hidden neurons, each with its gradient; a product of the perceptron in passing
    sample = 2 * POINT + 2 * FLOAT * layout.width + 3 * FLOAT * grid.width + 8 * FLOAT
    parts = settings.rays * settings.samples
    return Need(
        lasting=CONTEXT + HELD_OUT + 4 * parameters + known,
        step=parts * sample + most_parts * AT_ONCE * PLACING,
        largest="canonical.grid.log2_size",
    )


def velocity(settings: config.Velocity, level: config.Level, bake: int) -> Need:
    """Of training one level. bake: voxels per axis of the canonicals' baked volumes."""
    steps = TimeSteps(0.0, 1.0, settings.ode_step, settings.solver)
    control = POINT * level.resolution**3
    sample = _carried(steps) + 8 * FLOAT
    parts = settings.rays * settings.samples
    points = settings.points * (2 * _carried(steps) + 16 * FLOAT)
    volumes = bake**3 * (4 * HALF + 3 * FLOAT if level.blur > 0 else 2 * HALF)  # what blurs them does so in single precision
    solid = 5 * POINT * bake**3 // 2 if level.strain_weight > 0 else 0  # voxels' centres, and their numbers first, should half of the box be full
    return Need(
        lasting=CONTEXT + HELD_OUT + volumes + solid + 4 * settings.modes * control + 3 * steps.stage_times.size * control,
        step=parts * (sample + AT_ONCE * PLACING) + points,
        largest="canonical.bake",
    )


def mixing(settings: config.Mixing, motion: VelocityField, bake: int) -> Need:
    """Of training the mixing coefficient. motion: the frozen velocity; bake: voxels per axis of the canonicals' baked volumes."""
    parts = settings.rays * settings.samples
    times = TimeSteps(0.0, 1.0, motion.longest_step, motion.solver).stage_times.size
    control = POINT * motion.resolution**3
    return Need(
        lasting=CONTEXT + HELD_OUT + 2 * HALF * bake**3 + (motion.modes + 2 * times) * control + 4 * FLOAT * settings.modes * settings.resolution**3,
        step=parts * (4 * POINT + 12 * FLOAT + AT_ONCE * PLACING),
        largest="canonical.bake",
    )


def _carried(steps: TimeSteps) -> int:
    """Bytes of a point that is carried all the way: every stage's position, its own, both gradients, what the volume gave it."""
    return POINT * (steps.stage_times.size + 6)
