"""Batches drawn one micro-batch ahead of their use, on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch

from xct4d.training.sampling.micro_batch import MicroBatch

T = TypeVar("T")


class Prefetch(Generic[T]):
    """Hands out what `draw` returns for each micro-batch of a training.

    On a GPU the next draw begins before this one is used: the host must know
    how many samples a batch has, and would otherwise wait for the GPU to count
    them. A draw that began early sees the fields as they were one step before.
    On the CPU nothing is drawn ahead, so that a resumed run repeats an
    undisturbed one bit for bit.
    """

    def __init__(self, draw: Callable[[MicroBatch], T], steps: int, device: torch.device):
        """steps: of the training; nothing is drawn for later ones."""
        self._draw = draw
        self._steps = steps
        self._ahead = device.type != "cpu"
        self._next: tuple[MicroBatch, T] | None = None

    def take(self, micro_batch: MicroBatch) -> T:
        """The draw for this micro-batch; on a GPU the following one begins. Micro-batches are asked for in their order."""
        drawn = self._next[1] if self._next is not None and self._next[0] == micro_batch else self._draw(micro_batch)
        following = micro_batch.following()
        self._next = (following, self._draw(following)) if self._ahead and following.step < self._steps else None
        return drawn
