"""Filtered back-projection of a circular cone-beam scan: a classical reconstruction to compare a canonical with.

Feldkamp, Davis and Kress (1984), as Kak and Slaney (1988), section 3.6,
discretise it. Nothing is reconstructed from it; the canonicals start from
volume.py.
"""

from __future__ import annotations

import math

import numpy as np

from xct4d.compilation import numba
from xct4d.geometry.views import Views
from xct4d.io.prepared import FULL_SCALE, Frames

LOWEST = 0.5 / FULL_SCALE  # transmission below which the logarithm is not taken


class DoesNotApply(Exception):
    """Why the scan is none that filtered back-projection is made for."""


def check_circular(views: Views) -> np.ndarray:
    """Azimuth [V] of each source in radians. Raises DoesNotApply unless all circle about z, level, looking at the axis."""
    source = views.camera_to_world[:, :, 3]
    forward = -views.camera_to_world[:, :, 2]
    distance = np.linalg.norm(source, axis=1)
    level = np.abs(source[:, 2]) < 1e-3 * distance
    aimed = np.einsum("vi,vi->v", forward, -source / distance[:, None]) > 1 - 1e-6
    upright = np.abs(views.camera_to_world[:, 2, 1]) > 1 - 1e-6
    if not (level & aimed & upright).all():
        raise DoesNotApply("its views are not on a level circle about z that looks at the axis")
    return np.arctan2(source[:, 1], source[:, 0])


def arc_of_each(azimuth: np.ndarray) -> np.ndarray:
    """[V] radians: half the gap to either neighbour on the full circle; views at one angle share theirs."""
    angle = np.round(np.mod(azimuth, 2 * np.pi), 6)
    distinct, which, count = np.unique(angle, return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(azimuth), 2 * np.pi / len(azimuth))
    gap = np.diff(np.append(distinct, distinct[0] + 2 * np.pi))
    arc = (gap + np.roll(gap, 1)) / 2
    return (arc / count)[which]


def ramp(width: int, spacing: float) -> np.ndarray:
    """Transfer function of the band-limited ramp filter for rows padded to a power of two (Kak and Slaney, eq. 3.61)."""
    size = 2 ** math.ceil(math.log2(2 * width))
    n = np.fft.fftfreq(size, 1 / size).astype(int)
    kernel = np.zeros(size)
    kernel[n == 0] = 1 / (4 * spacing**2)
    odd = n % 2 != 0
    kernel[odd] = -1 / (np.pi * n[odd] * spacing) ** 2
    return np.fft.rfft(kernel).real * spacing


def filtered(attenuation: np.ndarray, views: Views, view: int) -> np.ndarray:
    """A projection's line integrals [h, w], weighted by the cosine and ramp-filtered along rows, on the detector through the axis."""
    height, width = attenuation.shape
    distance = np.linalg.norm(views.camera_to_world[view, :, 3])
    focal, centre = views.focal[view], views.centre[view]
    u = (np.arange(width) + 0.5 - centre[0]) / focal[0] * distance
    v = (np.arange(height) + 0.5 - centre[1]) / focal[1] * distance
    cosine = distance / np.sqrt(distance**2 + u**2 + v[:, None] ** 2)
    transfer = ramp(width, distance / focal[0])
    size = 2 * (len(transfer) - 1)
    return np.fft.irfft(np.fft.rfft(attenuation * cosine, size, axis=1) * transfer, size, axis=1)[:, :width].astype(np.float32)


@numba.njit(parallel=True, fastmath=True, cache=True)
def back_project(volume, rows, pose, focal, centre, arc):
    """Add one filtered projection to the volume (z, y, x), bilinear between pixel centres."""
    n = volume.shape[0]
    height, width = rows.shape
    distance = math.sqrt(pose[0, 3] ** 2 + pose[1, 3] ** 2 + pose[2, 3] ** 2)
    for k in numba.prange(n):
        z = -1 + (k + 0.5) * 2 / n - pose[2, 3]
        for j in range(n):
            y = -1 + (j + 0.5) * 2 / n - pose[1, 3]
            for i in range(n):
                x = -1 + (i + 0.5) * 2 / n - pose[0, 3]
                depth = -(pose[0, 2] * x + pose[1, 2] * y + pose[2, 2] * z)
                right = pose[0, 0] * x + pose[1, 0] * y + pose[2, 0] * z
                up = pose[0, 1] * x + pose[1, 1] * y + pose[2, 1] * z
                column = centre[0] + focal[0] * right / depth - 0.5
                row = centre[1] - focal[1] * up / depth - 0.5
                c, r = math.floor(column), math.floor(row)
                if c < 0 or r < 0 or c + 1 >= width or r + 1 >= height:
                    continue
                a, b = column - c, row - r
                value = (1 - b) * ((1 - a) * rows[r, c] + a * rows[r, c + 1]) + b * ((1 - a) * rows[r + 1, c] + a * rows[r + 1, c + 1])
                # every ray is measured twice on a full circle
                volume[k, j, i] += 0.5 * arc * (distance / depth) ** 2 * value


def filtered_back_projection(frames: Frames, resolution: int) -> np.ndarray:
    """The volume (z, y, x) float32, attenuation per world unit, from the frames that are not held out. Raises DoesNotApply.

    Of a long exposure the middle view is taken. A filter takes whole rows: pixels that a mask leaves out have the value of the nearest that counts.
    """
    used = np.flatnonzero(~frames.held_out)
    views_used = np.array([frames.main_view(int(frame)) for frame in used])
    arcs = arc_of_each(check_circular(frames.views[views_used]))
    volume = np.zeros((resolution,) * 3, np.float32)
    views = frames.views
    for frame, view, arc in zip(used, views_used, arcs, strict=True):
        line_integrals = -np.log(np.maximum(frames.image(frame), LOWEST) / frames.flat_field)
        back_project(volume, filtered(line_integrals, views, view), views.camera_to_world[view], views.focal[view], views.centre[view], arc)
    return volume
