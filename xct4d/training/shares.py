"""A step in shares: rays that do not fit the memory at once are taken one part after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xct4d.errors import InputError
from xct4d.fields import tiny
from xct4d.progress import say
from xct4d.training.optimizer import Adam
from xct4d.training.random import generator

MOST = 64  # shares of a step


@dataclass(frozen=True)
class Share:
    """Part `index` of the `count` parts of a step."""

    step: int
    index: int = 0
    count: int = 1

    def following(self) -> Share:
        last = self.index + 1 == self.count
        return Share(self.step + last, 0 if last else self.index + 1, self.count)

    def of(self, total: int) -> int:
        """How many of the step's rays or points fall to this share."""
        return (self.index + 1) * total // self.count - self.index * total // self.count

    def random(self, seed: int, purpose: str) -> np.random.Generator:
        """The random numbers of this share, and of no other."""
        return generator(seed, purpose if self.count == 1 else f"{purpose}, share {self.index} of {self.count}", self.step)


def is_out_of_memory(error: Exception) -> bool:
    """Whether a GPU's memory is full: torch, cuBLAS, numba and tinycudann each say it their own way."""
    return isinstance(error, torch.OutOfMemoryError) or any(said in str(error) for said in ("out of memory", "OUT_OF_MEMORY", "ALLOC_FAILED"))


class Gradients:
    """Gradients of a step, by as many shares as the memory asks for: the sum is that of the whole step."""

    def __init__(self, title: str, take_step: Callable[[Share], dict[str, Tensor]], optimizer: Adam, shares: int):
        self._title = title
        self._take_step = take_step
        self._optimizer = optimizer
        self._shares = shares

    def of(self, step: int) -> dict[str, Tensor]:
        """Leave the gradients in the parameters and return the terms of the loss, means over the shares.

        Where the device's memory does not hold a share, the step begins anew
        with twice as many. Raises InputError where that does not help.
        """
        while True:
            try:
                return self._sum(step)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._optimizer.forget()
            # the exception kept its frames' tensors alive: only now can their memory be had again
            if self._shares >= MOST:
                raise InputError(
                    f"{self._title}: not even a {MOST}th of a step fits the GPU's memory", where="device", fix="lower rays or samples, or set device: cpu"
                )
            self._shares *= 2
            tiny.free_memory()
            torch.cuda.empty_cache()
            say(f"{self._title}: the GPU's memory is full at step {step}; goes on with steps of {self._shares} parts, the sum stays the same")

    def _sum(self, step: int) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for index in range(self._shares):
            terms = self._take_step(Share(step, index, self._shares))
            (terms["loss"] / self._shares).backward()
            for name, term in terms.items():
                part = term.detach() / self._shares
                total[name] = total[name] + part if name in total else part
        return total
