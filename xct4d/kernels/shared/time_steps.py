"""The steps of a Runge-Kutta solver in time, and the tables of them that the flow kernels read.

The solvers are explicit methods of s stages whose every stage uses only the
slope of the stage before it: Euler, midpoint, the classical RK4. Row s of the
Butcher matrix a then has one entry, and the method is three lists (Hairer,
Norsett and Wanner, Solving Ordinary Differential Equations I, section II.1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Tableau:
    """Butcher tableau of y' = f(t, y): k[s] = f(t + c[s] h, y + h a[s] k[s-1]), and y grows by h sum(b[s] k[s]).

    a[s] stands for the entry a[s, s-1] of the matrix, the only one that may
    differ from zero; a[0] = 0.
    """

    a: tuple[float, ...]
    b: tuple[float, ...]
    c: tuple[float, ...]


TABLEAUS = {
    "euler": Tableau(a=(0.0,), b=(1.0,), c=(0.0,)),
    "midpoint": Tableau(a=(0.0, 0.5), b=(0.0, 1.0), c=(0.0, 0.5)),
    "rk4": Tableau(a=(0.0, 0.5, 0.5, 1.0), b=(1 / 6, 1 / 3, 1 / 3, 1 / 6), c=(0.0, 0.5, 0.5, 1.0)),
}


@dataclass(frozen=True)
class TimeSteps:
    """Equal steps of a solver from time `start` to time `stop`, which may lie before it.

    longest: no step is longer (> 0). solver: a key of TABLEAUS.
    """

    start: float
    stop: float
    longest: float
    solver: str

    @cached_property
    def count(self) -> int:
        """Number of steps; 0 where start is stop."""
        return math.ceil(abs(self.stop - self.start) / self.longest - 1e-9)

    @property
    def size(self) -> float:
        """Signed length h of one step."""
        return (self.stop - self.start) / max(self.count, 1)

    @property
    def stage_times(self) -> np.ndarray:
        """[count, stages] float64: the times at which the stages of each step evaluate the velocity."""
        c = np.array(TABLEAUS[self.solver].c)
        return (self.start + self.size * (np.arange(self.count)[:, None] + c)).round(12)


@dataclass(frozen=True)
class FlowTable:
    """The time steps of several groups of points that one kernel carries together, as arrays.

    groups: the time steps of each group. Raises ValueError where there are none
    or where they differ in their solver.
    """

    groups: tuple[TimeSteps, ...]

    def __post_init__(self) -> None:
        if len({steps.solver for steps in self.groups}) != 1:
            raise ValueError("the groups of a FlowTable need one solver, the same for all")

    @cached_property
    def times(self) -> np.ndarray:
        """[T] float64, rising: the stage times of all groups, each once. The velocity is needed at these."""
        return np.unique(np.concatenate([steps.stage_times.ravel() for steps in self.groups]))

    @cached_property
    def time_index(self) -> np.ndarray:
        """[groups, most steps, stages] int64: index into `times` of each stage time; 0 beyond a group's own steps, where it is not read."""
        stage_times = [steps.stage_times for steps in self.groups]
        out = np.zeros((len(stage_times), max(self.counts), stage_times[0].shape[1]), np.int64)
        for group, own in enumerate(stage_times):
            out[group, : len(own)] = np.searchsorted(self.times, own)
        return out

    @cached_property
    def counts(self) -> np.ndarray:
        """[groups] int64: number of steps."""
        return np.array([steps.count for steps in self.groups], np.int64)

    @cached_property
    def sizes(self) -> np.ndarray:
        """[groups] float32: signed length h of a step."""
        return np.array([steps.size for steps in self.groups], np.float32)

    @cached_property
    def a(self) -> np.ndarray:
        """[stages] float32: of the tableau."""
        return np.array(TABLEAUS[self.groups[0].solver].a, np.float32)

    @cached_property
    def b(self) -> np.ndarray:
        """[stages] float32: of the tableau."""
        return np.array(TABLEAUS[self.groups[0].solver].b, np.float32)
