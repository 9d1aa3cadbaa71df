"""Does a known volume lie in the box as the projections show it?"""

from __future__ import annotations

import itertools

import numpy as np

from xct4d.checks.rays import sample_rays
from xct4d.errors import InputError
from xct4d.io.prepared import Frames
from xct4d.selection import evenly_spaced

VIEWS, STEPS = 4, 64  # projections, and samples of a ray, that are compared


def check_axes(volume: np.ndarray, frames: Frames, where: object) -> float:
    """Correlation of -ln(projection) with line integrals of a known volume, over the rays of a few projections.

    volume: attenuation [z, y, x] over the box. frames: prepared projections of
    the same state. where: the volume's key and file, for messages. Raises
    InputError where one of the five other orders of its axes fits clearly better.
    """
    chosen = evenly_spaced(len(frames), VIEWS)
    measured, points, lengths = [], [], []
    for f in chosen:
        column, row, rays = sample_rays(frames.views, int(frames.first_view[f]), frames.mask(f))
        hit = rays[:, 7] > rays[:, 6]
        transmission = frames.image(f)[row[hit], column[hit]] / frames.flat_field
        measured.append(-np.log(np.maximum(transmission, 1e-4)))
        along = rays[hit, 6:7] + (np.arange(STEPS) + 0.5) / STEPS * (rays[hit, 7:8] - rays[hit, 6:7])
        points.append(rays[hit, None, :3] + along[..., None] * rays[hit, None, 3:6])
        lengths.append(rays[hit, 7] - rays[hit, 6])
    data, place, length = np.concatenate(measured), np.concatenate(points)[..., ::-1], np.concatenate(lengths)  # place: z, y, x
    fits = {}
    for order in itertools.permutations(range(3)):
        candidate = volume.transpose(order)
        size = np.array(candidate.shape)
        index = np.clip(((place + 1) / 2 * size).astype(int), 0, size - 1)
        fits[order] = _correlation(candidate[index[..., 0], index[..., 1], index[..., 2]].mean(1) * length, data)
    own, best = fits[0, 1, 2], max(fits, key=fits.get)
    if fits[best] > 0.5 and fits[best] > own + 0.2:
        names = ", ".join("zyx"[best.index(axis)] for axis in range(3))
        raise InputError(
            f"its axes look exchanged: taken as (z, y, x) it correlates {own:.2f} with the projections, taken as ({names}) {fits[best]:.2f}",
            where=where,
            fix="store .npy and .npz as (x, y, z), .raw as (z, y, x)",
        )
    return own


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    deviations = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / deviations) if deviations > 0 else 0.0
