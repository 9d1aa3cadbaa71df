"""An experiment of more than two full scans: finished results that follow each other, each from one scan to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from xct4d.directions import SCAN_TIME, Direction
from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.metrics import Correlation
from xct4d.result import Result, open_result
from xct4d.units import Scale

COMPARED = 40  # grid points per axis on which scans are compared
CLEARLY = 2.0  # times less disagreement: then another scan is clearly the one that was meant
SAME_UNIT = 1e-6  # relative difference up to which two statements of mm per world unit agree

Flow = Callable[[np.ndarray, float, float], np.ndarray]  # points [N, 3] and two times: where they are at the second


@dataclass(frozen=True)
class Experiment:
    """Segments in the order of time. Experiment time is in [0, 1]: 0 at the first scan of all, 1 at the last."""

    segments: Sequence[Result]  # in world units
    scans: np.ndarray  # [N + 1] float64: experiment times of the scans
    scale: Scale
    agreement: Sequence[float]  # [N - 1]: correlation of both reconstructions of each scan in the middle

    @classmethod
    def open(cls, folders: Sequence[str | Path]) -> Experiment:
        """Open results in the order of time.

        Segments last as long as their durations say, and equally long where
        none is known. Raises InputError where there are fewer than two, one is
        not finished or of one scan alone, units differ, or they do not follow
        each other.
        """
        segments = [open_result(folder, units="world") for folder in folders]
        named = ", ".join(map(str, folders))
        if len(segments) < 2:
            raise InputError("is one result; there is nothing to join", where=named, fix="name the results of two or more segments")
        for segment in segments:
            if not segment.mixes:
                raise InputError(
                    "is of one scan: nothing moves" if segment.static else "has no scan at its end",
                    where=segment.folder,
                    fix="name segments from one scan to the next",
                )
        scale = _scale(segments, named)
        durations = [segment.scale.duration_s for segment in segments]
        parts = [1.0 if duration is None else duration for duration in durations]
        scans = np.concatenate([[0.0], np.cumsum(parts) / sum(parts)])
        return cls(segments, scans, scale, _agreement(segments))

    def time(self, index: int, t: float) -> float:
        """The experiment time of time t of a segment."""
        return float((1 - t) * self.scans[index] + t * self.scans[index + 1])

    def to_first_scan(self, index: int, t: float, points: np.ndarray, flows: Sequence[Flow]) -> np.ndarray:
        """Where the material that is at points [N, 3] at time t of a segment was at the first scan of all: [N, 3].

        flows: that of each segment, in its own time.
        """
        points = flows[index](points, t, SCAN_TIME["forward"])
        for earlier in reversed(range(index)):
            points = flows[earlier](points, SCAN_TIME["backward"], SCAN_TIME["forward"])
        return points

    def flows(self) -> list[Flow]:
        """The reconstructed flow of each segment."""
        return [partial(_carried, segment) for segment in self.segments]


def _carried(segment: Result, points: np.ndarray, start: float, stop: float) -> np.ndarray:
    return segment.model.flow(torch.from_numpy(points).float(), start, stop).double().numpy()


def _scale(segments: Sequence[Result], named: str) -> Scale:
    """mm per world unit of all, and their seconds together. Raises InputError where only some say it, or boxes differ in size."""
    units, durations = ([getattr(segment.scale, name) for segment in segments] for name in ("unit_mm", "duration_s"))
    known = [unit for unit in units if unit is not None]
    if len(known) not in (0, len(units)) or (known and np.ptp(known) > SAME_UNIT * known[0]):
        shown = ", ".join("unknown" if unit is None else f"{unit:g} mm" for unit in units)
        fix = "give all the same input.unit_mm and run again"
        raise InputError(f"have boxes of different size: {shown} a world unit", where=named, fix=fix)
    seconds = [duration for duration in durations if duration is not None]
    if len(seconds) not in (0, len(durations)):
        shown = ", ".join("unknown" if duration is None else f"{duration:g} s" for duration in durations)
        raise InputError(f"have durations that are not all known: {shown}", where=named, fix="give each its input.duration_s and run again")
    return Scale(known[0] if known else None, sum(seconds) if seconds else None)


def _agreement(segments: Sequence[Result]) -> list[float]:
    """Correlation of the last scan of each segment with the first of the next. Raises InputError where another one clearly agrees better."""
    starts, ends = ([_scan(segment, direction) for segment in segments] for direction in SCAN_TIME)
    found = np.array([[_correlation(end, start) for start in starts] for end in ends])
    follows = np.eye(len(segments), k=1, dtype=bool)
    other = np.where(follows, -1.0, found)
    before, begun = divmod(int(other.argmax()), len(segments))
    for k, (segment, following) in enumerate(pairwise(segments)):
        if 1 - found[k, k + 1] > CLEARLY * (1 - other.max()):
            what = (
                f"does not begin with the scan that ends {segment.folder} (correlation {found[k, k + 1]:.3f}; the last scan of "
                f"{segments[before].folder} and the first of {segments[begun].folder} have {other.max():.3f})"
            )
            raise InputError(what, where=following.folder, fix="name the segments in the order of time")
    return [float(found[k, k + 1]) for k in range(len(segments) - 1)]


def _scan(segment: Result, direction: Direction) -> np.ndarray:
    points = torch.from_numpy(grid_points(*[voxel_centres(COMPARED)] * 3)).float()
    return segment.model.attenuation(points, SCAN_TIME[direction], [direction])[direction].numpy()


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    found = Correlation()
    found.add(a, b)
    return found.value
