"""Batches of rays through the projections of one moment, with stratified samples in the box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent
from xct4d.errors import InputError
from xct4d.geometry.rays import cast
from xct4d.io.prepared import FULL_SCALE, Frames
from xct4d.kernels.ray_sampling import stratified_samples
from xct4d.kernels.segments import segment_sum

Cells = Callable[[float], Tensor]  # time -> which cells of the box hold material then: [n, n, n] bool (z, y, x)
WHOLE_BOX = torch.ones(1, 1, 1, dtype=torch.bool)


def everywhere(_time: float) -> Tensor:
    """One cell, occupied: the whole box."""
    return WHOLE_BOX


@dataclass(frozen=True)
class Moment:
    """The frames that were exposed together: their views lie at the same times, with the same weights."""

    times: tuple[float, ...]  # one per view of a frame
    weights: tuple[float, ...]
    source: Frames
    frames: np.ndarray  # indices into source

    @property
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
    """What one view of each ray's frame sees."""

    time: float
    weight: float
    samples: Samples


@dataclass(frozen=True)
class Batch:
    """R rays: the measured transmission, and what each view of the exposure sees."""

    measured: Tensor  # [R] float32
    exposures: list[Exposure]


def moments(sources: list[Frames], *, held_out: bool = False, at_most: int | None = None) -> list[Moment]:
    """Frames grouped by their exposure, sorted by time; at_most keeps that many of each, spread evenly.

    Raises InputError where nothing is left.
    """
    groups: dict[tuple, list[int]] = {}
    for s, source in enumerate(sources):
        for f in np.flatnonzero(source.held_out == held_out):
            views = slice(source.first_view[f], source.first_view[f + 1])
            groups.setdefault((tuple(source.time[views].tolist()), tuple(source.weight[views].tolist()), s), []).append(int(f))
    out = []
    for (times, weights, s), frames in groups.items():
        chosen = np.array(frames)
        if at_most is not None and len(chosen) > at_most:
            chosen = chosen[np.linspace(0, len(chosen) - 1, at_most).round().astype(int)]
        out.append(Moment(times, weights, sources[s], chosen))
    if not out and not held_out:
        raise InputError("no projection is left to train on", where="input.split", fix="hold fewer projections out")
    return sorted(out, key=lambda moment: moment.mean_time)


def place_samples(
    source: Frames, view: np.ndarray, column: np.ndarray, row: np.ndarray, jitter: Tensor, cells: Tensor
) -> Callable[[], Samples]:
    """Samples along rays through detector points, on the device of the cells, once they are asked for (kernels.ray_sampling).

    view [R] int; column, row [R] float (pixel centres at half-integers); jitter
    [R, S] in [0, 1): where in its part a sample lies; cells [n, n, n] bool (z, y, x).
    """
    rays = cast(source.views, view, column, row)
    if cells.device.type != "cpu":
        rays = rays.astype(np.float32)  # a GPU has little arithmetic for float64
    placed = stratified_samples(cells, sent(rays, cells.device), jitter)
    return lambda: Samples(*placed())


def draw(moment: Moment, rng: np.random.Generator, rays: int, samples: int, cells: Cells = everywhere) -> Callable[[], Batch]:
    """Rays through pixels drawn uniformly from a moment's projections; they are ready once they are asked for.

    samples: parts of a ray; cells: the others get no samples.
    """
    source = moment.source
    start, stop = source.offset[moment.frames], source.offset[moment.frames + 1]
    ends = np.cumsum(stop - start)
    ticket = rng.integers(ends[-1], size=rays)
    which = np.searchsorted(ends, ticket, side="right")
    inside = ticket - (ends[which] - (stop - start)[which])
    frame = moment.frames[which]
    first = source.first_view[frame]
    row, column = np.divmod(inside, source.views.size[first, 0])
    held = [cells(time) for time in moment.times]
    jitter = _jitter(rng, rays, samples, held[0].device)
    measured = sent(source.pixels[start[which] + inside].astype(np.float32) / FULL_SCALE, jitter.device)
    placed = [place_samples(source, first + v, column + 0.5, row + 0.5, jitter, cells) for v, cells in enumerate(held)]

    def batch() -> Batch:
        exposures = [Exposure(time, weight, samples()) for time, weight, samples in zip(moment.times, moment.weights, placed, strict=True)]
        return Batch(measured, exposures)

    return batch


def _jitter(rng: np.random.Generator, rays: int, samples: int, device: torch.device) -> Tensor:
    if device.type == "cpu":
        return torch.from_numpy(rng.random((rays, samples), dtype=np.float32))
    # made where they are used: they are most of a step's random numbers
    return torch.rand(rays, samples, generator=torch.Generator(device).manual_seed(int(rng.integers(2**63))), device=device)
