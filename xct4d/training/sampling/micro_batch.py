"""Micro-batches: the parts into which a training step is divided where its rays do not fit the memory at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xct4d.training.sampling.random import generator


@dataclass(frozen=True)
class MicroBatch:
    """Micro-batch `index` of the `count` into which a step is divided."""

    step: int
    index: int = 0
    count: int = 1

    def following(self) -> MicroBatch:
        """The next one: of this step, or the first of the next step."""
        last = self.index + 1 == self.count
        return MicroBatch(self.step + last, 0 if last else self.index + 1, self.count)

    def part_of(self, total: int) -> int:
        """How many of the step's rays or points belong to this micro-batch; over all of a step they sum up to `total`."""
        return (self.index + 1) * total // self.count - self.index * total // self.count

    def random(self, seed: int, purpose: str) -> np.random.Generator:
        """The random numbers of this micro-batch alone."""
        # the words belong to the seed: other words would be other random numbers
        return generator(seed, purpose if self.count == 1 else f"{purpose}, share {self.index} of {self.count}", self.step)
