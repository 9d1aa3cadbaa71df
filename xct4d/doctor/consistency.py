"""Pairwise fan-beam consistency: what two views must agree on, whatever the object is.

Through the sources of two views runs the baseline. In a plane that holds it,
the integral of the object weighted by 1 / (distance from the baseline) is
    J = integral of p(psi) / sin(psi) d psi
over the rays of either view, psi their angle to the baseline, provided that the
baseline does not meet the object (Lesaint, Rit, Clackdoyle, Desbat, IEEE Trans.
Radiat. Plasma Med. Sci. 1, 2017). No reconstruction, no markers, about ten
milliseconds. Blind to mirrored rows, and to mirrored columns with angles
negated; useless where the sample is wider than the images, so planes whose
rays see it at the left or right edge do not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xct4d.compilation import numba
from xct4d.doctor.evidence import STRONG, Evidence

PAIRS = 120  # at most
PLANES = 64  # through each baseline
NEAR, FAR = 8.0, 120.0  # degrees between the views of a pair: nearer ones agree by themselves, the baselines of others meet the sample
CLEAR = 1.1  # times the sample's radius is the baseline at least away from the axis
INSIDE = 0.9  # of the image's height lie the planes in
LEAST = 0.02  # of the greatest mass: planes with less show the noise of air


@numba.njit(cache=True, fastmath=True)
def plane_integral(image, pose, focal, centre, first, last, normal, baseline, edge):
    """J of one plane in one view; NaN where it leaves the image above or below, or the sample is seen at its left or right edge.

    pose: [3, 4]; normal: of the plane; baseline: unit vector; first, last: columns that see the sample.
    """
    height, width = image.shape
    nx = pose[0, 0] * normal[0] + pose[1, 0] * normal[1] + pose[2, 0] * normal[2]
    ny = pose[0, 1] * normal[0] + pose[1, 1] * normal[1] + pose[2, 1] * normal[2]
    nz = pose[0, 2] * normal[0] + pose[1, 2] * normal[1] + pose[2, 2] * normal[2]
    bx = pose[0, 0] * baseline[0] + pose[1, 0] * baseline[1] + pose[2, 0] * baseline[2]
    by = pose[0, 1] * baseline[0] + pose[1, 1] * baseline[1] + pose[2, 1] * baseline[2]
    bz = pose[0, 2] * baseline[0] + pose[1, 2] * baseline[1] + pose[2, 2] * baseline[2]
    if abs(ny) < 1e-9:
        return np.nan
    slope, start = -nx / ny, nz / ny  # of y = start + slope x, where z = -1
    # |d x e| of a ray d = (x, y, -1) and the direction e = (1, slope, 0) of the line: the same all along it
    turn = math.sqrt(slope * slope + 1 + start * start)
    total = 0.0
    for c in range(first, last):
        x = (c + 0.5 - centre[0]) / focal[0]
        y = start + slope * x
        row = centre[1] - y * focal[1] - 0.5
        if row < 0 or row > height - 1:
            return np.nan
        r = min(int(row), height - 2)
        t = row - r
        value = (1 - t) * image[r, c] + t * image[r + 1, c]
        if (c == 0 or c == width - 1) and value > edge:
            return np.nan
        across = (y * bz + by) ** 2 + (bx + x * bz) ** 2 + (x * by - y * bx) ** 2  # |d x b|^2
        total += value / math.sqrt((x * x + y * y + 1) * across)
    return total * turn / focal[0]


@numba.njit(cache=True)
def _integrals(images, poses, focal, centre, columns, pairs, heights, edge, out):
    normal, baseline = np.empty(3), np.empty(3)
    for p in range(len(pairs)):
        i, j = pairs[p, 0], pairs[p, 1]
        s = poses[i, :, 3]
        baseline[:] = poses[j, :, 3] - s
        baseline /= math.sqrt((baseline**2).sum())
        along = (s * baseline).sum()
        away = math.sqrt(max((s**2).sum() - along * along, 0.0))  # of the origin from the baseline
        for k in range(len(heights)):
            q0, q1, q2 = -s[0], -s[1], heights[k] - s[2]
            normal[0] = baseline[1] * q2 - baseline[2] * q1
            normal[1] = baseline[2] * q0 - baseline[0] * q2
            normal[2] = baseline[0] * q1 - baseline[1] * q0
            for side in range(2):
                v = pairs[p, side]
                out[p, k, side] = away * plane_integral(
                    images[v], poses[v], focal[v], centre[v], columns[v, 0], columns[v, 1], normal, baseline, edge
                )


@dataclass(frozen=True)
class Pairs:
    """The pairs of views that are compared, and at how many planes."""

    index: np.ndarray  # [P, 2] int64
    planes: int

    @classmethod
    def of(cls, evidence: Evidence, at_most: int = PAIRS, planes: int = PLANES) -> Pairs:
        """Pairs whose baselines pass beside the sample, spread over all angles between them."""
        sources = evidence.views.camera_to_world[:, :, 3]
        first, second = np.triu_indices(len(sources), 1)
        along = sources[second] - sources[first]
        length = np.linalg.norm(along, axis=1)
        away = np.linalg.norm(np.cross(sources[first], along), axis=1) / np.maximum(length, 1e-12)
        distance = np.linalg.norm(sources, axis=1).mean()
        angle = np.degrees(2 * np.arcsin(np.clip(length / (2 * distance), 0, 1)))
        good = (angle > NEAR) & (angle < FAR) & (away > CLEAR * radius(evidence))
        chosen = np.flatnonzero(good)
        if len(chosen) > at_most:  # a stride that no step of the angles shares
            chosen = np.random.default_rng(0).permutation(chosen)[:at_most]
        return cls(np.stack([first[chosen], second[chosen]], 1).astype(np.int64), planes)


def radius(evidence: Evidence) -> float:
    """Of the sample about the rotation axis, world units, as its columns and the cameras have it; at most 0.9 of the nearest source's distance."""
    views = evidence.views
    across = (evidence.columns - views.centre[:, :1]) / views.focal[:, :1]
    distance = np.hypot(*views.camera_to_world[:, :2, 3].T)
    return float(min((np.abs(np.sin(np.arctan(across))) * distance[:, None]).max(), 0.9 * distance.min()))


def masses(evidence: Evidence, pairs: Pairs) -> np.ndarray:
    """[P, planes, 2]: J times the distance of the baseline from the origin, about the object's mass in the plane; NaN where a plane does not count."""
    views = evidence.views
    height = evidence.images.shape[1]
    rows = height / 2 + INSIDE * height * (np.arange(pairs.planes) + 0.5 - pairs.planes / 2) / pairs.planes
    distance = float(np.hypot(*views.camera_to_world[:, :2, 3].T).mean())
    heights = (views.centre[:, 1].mean() - rows) / views.focal[:, 1].mean() * distance
    out = np.empty((len(pairs.index), pairs.planes, 2))
    _integrals(
        evidence.images, views.camera_to_world, views.focal, views.centre, evidence.columns, pairs.index, heights,
        np.float32(STRONG * evidence.strongest), out,
    )  # fmt: skip
    return out


def differences(found: np.ndarray) -> np.ndarray:
    """[P, planes]: (J_i - J_j) over the root mean square of all J; NaN where a plane does not count."""
    usual = np.sqrt(np.nanmean(found**2)) if np.isfinite(found).any() else np.nan
    return (found[..., 0] - found[..., 1]) / usual
