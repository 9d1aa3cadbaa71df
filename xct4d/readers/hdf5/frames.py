"""A projection that is one image of a stack in an HDF5 file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xct4d.readers.counts import CountsProjection
from xct4d.readers.flats import mean
from xct4d.readers.hdf5.container import opened


@dataclass(frozen=True)
class Stack:
    """A dataset [frame, row, column], or with the frames along another axis."""

    path: Path
    folder: Path  # the dataset's
    name: str  # of the HDF5 dataset
    size: tuple[int, int]  # columns, rows
    axis: int = 0  # of the frames

    def frame(self, number: int, where: str, scale: float = 1.0) -> np.ndarray:
        """[height, width] float32, over `scale`. Raises InputError where it cannot be read."""
        with opened(self.path, self.folder) as container:
            index = (*(slice(None),) * self.axis, number)
            return container.frame(self.name, index, self.size, where) / np.float32(scale)

    def mean_of(self, numbers: list[int], scales: list[float] | None = None) -> np.ndarray:
        """Mean [height, width] float32 of some frames, each over its scale."""
        where = f"{self.path}: {self.name}"
        divisors = scales or [1.0] * len(numbers)
        return mean(self.frame(n, f"{where}[{n}]", scale) for n, scale in zip(numbers, divisors, strict=True))


@dataclass(frozen=True, kw_only=True)
class StackProjection(CountsProjection):
    stack: Stack
    number: int
    scale: float = 1.0  # the monitor's reading over its mean

    @property
    def image(self) -> object:
        return self.stack.path.resolve(), self.stack.name, self.number

    def counts(self) -> tuple[np.ndarray, int | None]:
        return self.stack.frame(self.number, self.where, self.scale), None
