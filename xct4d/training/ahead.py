"""What a step begins with, made one step ahead on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch

from xct4d.training.shares import Share

T = TypeVar("T")


class Ahead(Generic[T]):
    """Hands out what `make` makes for each share of a step.

    On a GPU the next one is made before this one is used: the host then finds
    ready what it must know of it (how many samples there are), and the GPU
    never waits for the host. What is made ahead sees the fields as they were
    a step earlier. On the CPU nothing is made ahead, and a resumed run goes on
    bit for bit.
    """

    def __init__(self, make: Callable[[Share], T], steps: int, device: torch.device):
        self._make = make
        self._steps = steps
        self._ahead = device.type != "cpu"
        self._made: tuple[Share, T] | None = None

    def take(self, share: Share) -> T:
        """What was made for this share; on a GPU the following one is made meanwhile. Shares come in their order."""
        made = self._made[1] if self._made is not None and self._made[0] == share else self._make(share)
        following = share.following()
        self._made = (following, self._make(following)) if self._ahead and following.step < self._steps else None
        return made
