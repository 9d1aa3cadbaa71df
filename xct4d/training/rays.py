"""Batches of rays through the projections of one moment, with stratified samples in the box."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import Tensor

from xct4d.errors import InputError
from xct4d.geometry.rays import clip_to_box, pixel_direction
from xct4d.io.prepared import FULL_SCALE, Frames


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
class Exposure:
    """What one view of each ray's frame sees."""

    time: float
    weight: float
    points: Tensor  # [R * S, 3] float32
    length: Tensor  # [R] float32: of the ray inside the box, world units


@dataclass(frozen=True)
class Batch:
    """R rays: the measured transmission, and for each view of the exposure where the samples lie."""

    measured: Tensor  # [R] float32
    exposures: list[Exposure]
    samples: int  # S, per ray


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


@numba.njit(parallel=True, fastmath=True, cache=True)
def _place(poses, focal, centre, view, column, row, jitter, points, length):
    rays, samples = jitter.shape
    for r in numba.prange(rays):
        v = view[r]
        pose = poses[v]
        dx, dy, dz = pixel_direction(pose, focal[v], centre[v], column[r], row[r])
        near, far = clip_to_box(pose[0, 3], pose[1, 3], pose[2, 3], dx, dy, dz)
        length[r] = far - near
        spacing = (far - near) / samples
        for s in range(samples):
            d = near + (s + jitter[r, s]) * spacing
            points[r * samples + s, 0] = pose[0, 3] + d * dx
            points[r * samples + s, 1] = pose[1, 3] + d * dy
            points[r * samples + s, 2] = pose[2, 3] + d * dz


def place_samples(source: Frames, view: np.ndarray, column: np.ndarray, row: np.ndarray, jitter: np.ndarray) -> tuple[Tensor, Tensor]:
    """Samples along rays through detector points, one in each of S equal parts of the way through the box.

    view [R] int; column, row [R] float (pixel centres at half-integers); jitter
    [R, S] in [0, 1): where in its part a sample lies. Returns points [R * S, 3]
    and lengths [R]; a ray that misses the box has length 0.
    """
    rays, samples = jitter.shape
    points = torch.empty(rays * samples, 3)
    length = torch.empty(rays)
    views = source.views
    _place(views.camera_to_world, views.focal, views.centre, view, column, row, jitter, points.numpy(), length.numpy())
    # A ray that misses leaves its samples at the source: outside the box, where every density is zero.
    return points, length


def draw(moment: Moment, rng: np.random.Generator, rays: int, samples: int) -> Batch:
    """Rays through pixels drawn uniformly from a moment's projections."""
    source = moment.source
    start, stop = source.offset[moment.frames], source.offset[moment.frames + 1]
    ends = np.cumsum(stop - start)
    ticket = rng.integers(ends[-1], size=rays)
    which = np.searchsorted(ends, ticket, side="right")
    inside = ticket - (ends[which] - (stop - start)[which])
    frame = moment.frames[which]
    first = source.first_view[frame]
    row, column = np.divmod(inside, source.views.size[first, 0])
    measured = source.pixels[start[which] + inside].astype(np.float32) / FULL_SCALE
    jitter = rng.random((rays, samples), dtype=np.float32)
    exposures = []
    for v, (time, weight) in enumerate(zip(moment.times, moment.weights, strict=True)):
        points, length = place_samples(source, first + v, column + 0.5, row + 0.5, jitter)
        exposures.append(Exposure(time, weight, points, length))
    return Batch(torch.from_numpy(measured), exposures, samples)


def line_integral(density: Tensor, exposure: Exposure, samples: int) -> Tensor:
    """Integral of the density [R * S] along each ray: [R]."""
    return density.reshape(-1, samples).mean(1) * exposure.length
