"""Gradients of a step accumulated over micro-batches, where its rays do not fit the memory at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from xct4d.device import free_memory
from xct4d.errors import InputError
from xct4d.progress import say
from xct4d.training.loop.optimizer import Adam
from xct4d.training.sampling.micro_batch import MicroBatch

MAX_MICRO_BATCHES = 64  # of a step


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that a GPU's memory is full: torch, cuBLAS, numba and tinycudann each have their own words."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        said in str(error) for said in ("out of memory", "OUT_OF_MEMORY", "ALLOC_FAILED")
    )


class AccumulatedGradients:
    """Gradients of whole steps, computed in as many micro-batches as the memory needs."""

    def __init__(self, title: str, losses: Callable[[MicroBatch], dict[str, Tensor]], optimizer: Adam, micro_batches: int):
        """losses: "loss", which is differentiated, and its terms. micro_batches: into how many a step is divided at first."""
        self._title = title
        self._losses = losses
        self._optimizer = optimizer
        self._micro_batches = micro_batches

    def of(self, step: int) -> dict[str, Tensor]:
        """Leave a step's gradients in the parameters and return the loss and its terms, means over the micro-batches.

        Where a micro-batch does not fit the device's memory, the step begins
        anew with twice as many. Raises InputError where that does not help.
        """
        while True:
            try:
                return self._accumulate(step)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._optimizer.forget()
            # outside the except block: the exception refers to tensors, whose memory is only free once it is gone
            if self._micro_batches >= MAX_MICRO_BATCHES:
                raise InputError(
                    f"{self._title}: not even a {MAX_MICRO_BATCHES}th of a step fits the GPU's memory",
                    where="device",
                    fix="lower rays or samples, or set device: cpu",
                )
            self._micro_batches *= 2
            free_memory()
            say(
                f"{self._title}: the GPU's memory is full at step {step}; goes on with steps of {self._micro_batches} parts, the sum stays the same"
            )

    def _accumulate(self, step: int) -> dict[str, Tensor]:
        total: dict[str, Tensor] = {}
        for index in range(self._micro_batches):
            terms = self._losses(MicroBatch(step, index, self._micro_batches))
            (terms["loss"] / self._micro_batches).backward()
            for name, term in terms.items():
                part = term.detach() / self._micro_batches
                total[name] = total[name] + part if name in total else part
        return total
