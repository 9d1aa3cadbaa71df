"""Batches of rays through the projections of one time point, with stratified samples in the box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent
from xct4d.errors import InputError
from xct4d.geometry.rays import cast
from xct4d.io.prepared import FULL_SCALE, Frames
from xct4d.kernels.ray_sampling import stratified_samples
from xct4d.kernels.segments import segment_sum
from xct4d.selection import evenly_spaced

OccupiedCells = Callable[[float], Tensor]  # time -> cells of the box that hold material then: [n, n, n] bool (z, y, x)
WHOLE_BOX = torch.ones(1, 1, 1, dtype=torch.bool)


def everywhere(_time: float) -> Tensor:
    """One cell, occupied: the whole box."""
    return WHOLE_BOX


@dataclass(frozen=True)
class TimePoint:
    """Projections that were exposed together: their views have the same times and weights."""

    times: tuple[float, ...]  # one per view of a frame
    weights: tuple[float, ...]
    source: Frames
    frames: np.ndarray  # indices into source

    @cached_property
    def mean_time(self) -> float:
        return float(np.dot(self.times, self.weights))


@dataclass(frozen=True)
class Samples:
    """Points along R rays, those of a ray side by side; each stands for `spacing` of its ray."""

    points: Tensor  # [N, 3] float32
    start: Tensor  # [R + 1] int64: ray r has points[start[r] : start[r + 1]]
    spacing: Tensor  # [R] float32, world units

    def integral(self, density: Tensor) -> Tensor:
        """Line integral of a density [N] along each ray: [R]."""
        return segment_sum(density, self.start) * self.spacing


@dataclass(frozen=True)
class Exposure:
    """One view of an exposure: the samples along each ray as they lay at the view's time. A still exposure has one view."""

    time: float
    weight: float
    samples: Samples


@dataclass(frozen=True)
class Batch:
    """R rays through projections of one time point: measured transmission, and the samples for each view of the exposure."""

    measured: Tensor  # [R] float32
    exposures: list[Exposure]


def time_points(sources: Sequence[Frames], *, held_out: bool = False, at_most: int | None = None) -> list[TimePoint]:
    """Frames grouped by the times of their exposure, sorted by time.

    held_out: whether held-out frames or those to train on. at_most: keep so
    many of each time point, evenly spaced. Raises InputError where nothing is
    left to train on.
    """
    groups: dict[tuple, list[int]] = {}
    for s, source in enumerate(sources):
        for f in np.flatnonzero(source.held_out == held_out):
            views = slice(source.first_view[f], source.first_view[f + 1])
            groups.setdefault((tuple(source.time[views].tolist()), tuple(source.weight[views].tolist()), s), []).append(int(f))
    out = []
    for (times, weights, s), frames in groups.items():
        chosen = np.array(frames)
        if at_most is not None:
            chosen = chosen[evenly_spaced(len(chosen), at_most)]
        out.append(TimePoint(times, weights, sources[s], chosen))
    if not out and not held_out:
        raise InputError("no projection is left to train on", where="input.split", fix="hold fewer projections out")
    return sorted(out, key=lambda time_point: time_point.mean_time)


def place_samples(
    source: Frames, view: np.ndarray, column: np.ndarray, row: np.ndarray, jitter: Tensor, cells: Tensor
) -> Callable[[], Samples]:
    """Begin to place samples along rays through detector points, on the device of the cells; calling the result returns them.

    view [R] int; column, row [R] float (pixel centres at half-integers); jitter
    [R, S] in [0, 1): where in its part a sample lies; cells [n, n, n] bool (z, y, x).
    """
    rays = cast(source.views, view, column, row)
    if cells.device.type != "cpu":
        rays = rays.astype(np.float32)  # a GPU has little arithmetic for float64
    placed = stratified_samples(cells, sent(rays, cells.device), jitter)
    return lambda: Samples(*placed())


def draw(
    time_point: TimePoint, rng: np.random.Generator, rays: int, samples: int, cells: OccupiedCells = everywhere
) -> Callable[[], Batch]:
    """Begin to draw rays through pixels chosen uniformly from those of a time point's projections that count; calling the result returns the batch.

    samples: parts into which a ray is divided, each with one sample at a random
    place. cells: the occupied cells at a time; parts elsewhere get no sample.
    """
    source = time_point.source
    frame, inside = _pixels(time_point, rng, rays)
    first = source.first_view[frame]
    row, column = np.divmod(inside, source.views.size[first, 0])
    occupied = [cells(time) for time in time_point.times]
    jitter = _jitter(rng, rays, samples, occupied[0].device)
    measured = sent(source.pixels[source.offset[frame] + inside].astype(np.float32) / FULL_SCALE, jitter.device)
    placed = [place_samples(source, first + v, column + 0.5, row + 0.5, jitter, own) for v, own in enumerate(occupied)]
    return BatchInPlacing(time_point, measured, placed)


def _pixels(time_point: TimePoint, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(frame, place in its row-major order) of pixels that count, chosen uniformly: [count] int each. Those that a mask leaves out are drawn anew."""
    source, counts = time_point.source, time_point.source.counts
    start, stop = source.offset[time_point.frames], source.offset[time_point.frames + 1]
    ends = np.cumsum(stop - start)
    ticket = rng.integers(ends[-1], size=count)
    while True:
        which = np.searchsorted(ends, ticket, side="right")
        inside = ticket - (ends[which] - (stop - start)[which])
        left_out = np.empty(0, int) if counts is None else np.flatnonzero(~counts[start[which] + inside])
        if not len(left_out):
            return time_point.frames[which], inside
        ticket[left_out] = rng.integers(ends[-1], size=len(left_out))


@dataclass(frozen=True)
class BatchInPlacing:
    """A batch whose samples a GPU may still be placing. Calling it waits for them."""

    time_point: TimePoint
    measured: Tensor
    placed: list[Callable[[], Samples]]  # of each view

    def __call__(self) -> Batch:
        views = zip(self.time_point.times, self.time_point.weights, self.placed, strict=True)
        return Batch(self.measured, [Exposure(time, weight, samples()) for time, weight, samples in views])


def _jitter(rng: np.random.Generator, rays: int, samples: int, device: torch.device) -> Tensor:
    if device.type == "cpu":
        return torch.from_numpy(rng.random((rays, samples), dtype=np.float32))
    # made where they are used: they are most of a step's random numbers
    return torch.rand(rays, samples, generator=torch.Generator(device).manual_seed(int(rng.integers(2**63))), device=device)
