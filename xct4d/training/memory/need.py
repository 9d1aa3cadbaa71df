"""Predicted need of GPU memory, and how a training is made to fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from xct4d.errors import InputError
from xct4d.progress import say
from xct4d.training.loop.accumulation import MAX_MICRO_BATCHES

FLOAT, HALF = 4, 2  # bytes
POINT = 3 * FLOAT
# Bytes of one part of a ray while samples are placed: its random offset, whether it is occupied, the number of
# occupied parts before it, and that sum in progress.
PLACING = 21
BATCHES = 2  # batches in memory at once: the next one is drawn before this one is used
# Samples and points that a comparison with held-out projections evaluates at once (training.inspection.render, fields.density).
HELD_OUT = 2**21 * 64 + 2**19 * 1024
CONTEXT = 600 * 2**20  # CUDA itself, cuBLAS, compiled kernels
USABLE = 0.9  # part of the free memory; the rest is lost between allocated blocks
PLANNED_MICRO_BATCHES = MAX_MICRO_BATCHES // 4  # at most; more may still be needed where the prediction falls short
COARSEST = 4  # the volumes of the scans are averaged over at most so many voxels along each axis


@dataclass(frozen=True)
class Need:
    """Bytes of GPU memory: those taken for the whole training, and those of one step on top."""

    lasting: int
    step: int
    largest: str  # key of the configuration that most of `lasting` follows from

    def fits(self, free: int, micro_batches: int = MAX_MICRO_BATCHES) -> bool:
        """Whether a step divided into so many micro-batches fits `free` bytes."""
        return self.step <= (USABLE * free - self.lasting) * micro_batches

    def micro_batches(self, free: int) -> int:
        """Into how many micro-batches a step must be divided to fit `free` bytes. Raises InputError where no number does."""
        if not self.fits(free):
            raise InputError(
                f"some {(self.lasting + self.step / MAX_MICRO_BATCHES) / USABLE / 2**30:.1f} GB of GPU memory are needed, {free / 2**30:.1f} GB are free",
                where=self.largest,
                fix="lower it, or set device: cpu",
            )
        return max(1, math.ceil(self.step / (USABLE * free - self.lasting)))


def micro_batches(title: str, need: Need, device: torch.device) -> int:
    """Into how many micro-batches a step must be divided on this device, whose free memory is asked for now.

    Always 1 on the CPU: its memory is requested from the scheduler instead (xct4d.workflow.demand).
    """
    if device.type == "cpu":
        return 1
    free = torch.cuda.mem_get_info()[0]
    count = need.micro_batches(free)
    if count > 1:
        say(f"{title}: {free / 2**30:.1f} GB of GPU memory are free; a step goes in {count} parts, the sum stays the same")
    return count


def fitting(title: str, need: Callable[[int], Need], bake: int, device: torch.device) -> tuple[int, int]:
    """(voxels per axis of the scans' volumes, micro-batches of a step) with which a training fits the device's free memory.

    need: of the training with volumes of so many voxels per axis. bake: voxels
    per axis of the volumes as they are. Raises InputError where nothing fits.
    """
    if device.type == "cpu":
        return bake, 1
    free = torch.cuda.mem_get_info()[0]
    sizes = [bake // averaged for averaged in range(1, COARSEST + 1)]
    voxels = next((size for size in sizes if need(size).fits(free, PLANNED_MICRO_BATCHES)), bake)
    count = micro_batches(title, need(voxels), device)
    if voxels < bake:
        say(f"{title}: the scans are held with {voxels} voxels per axis, not {bake}: {free / 2**30:.1f} GB of GPU memory are free")
    return voxels, count
