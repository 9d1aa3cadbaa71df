"""Line integrals through a packed object, at rest or deformed.

Straight rays (at rest, rigid, linear, affine): exact, see crossings.py. Under
sigmoid and gaussian motions the pulled-back ray is a curve; it is cut into
chords that stay within DEVIATION of it, and each chord is integrated exactly.
So the image is that of an object whose surfaces are displaced by at most
DEVIATION, about 1/1000 of a pixel of a 200-pixel detector: it lies between the
images of the object shrunk and grown by so much.

Where mass is conserved, the density of a chord is multiplied by how much the
motion compresses at its middle. Chords are at most half of the motion's scale,
which leaves a relative error below 1e-4 in a foam that collapses by a third.
"""

from __future__ import annotations

import math

import numpy as np

from xct4d.compilation import numba
from xct4d.geometry.rays import clip_to_box, pixel_direction
from xct4d.geometry.views import Views
from xct4d.phantom.carry import carry, compression
from xct4d.phantom.crossings import integrate
from xct4d.phantom.packed import Packed, density_at

DEVIATION = 1e-5  # world units, between a chord and the curved ray
_CROSSINGS = 4096  # surfaces met by one chord; a chord that meets more is halved
_CHUNK = 64  # rays


@numba.njit(cache=True)
def _along(packed, rows, ox, oy, oz, dx, dy, dz, s, far, longest, conserved, found):
    """Integral over one ray from s to far; chords start with length `longest` and are halved where the curve leaves them."""
    curved = longest < math.inf
    total = 0.0
    h = min(longest, far - s)
    x, y, z = carry(rows, ox + s * dx, oy + s * dy, oz + s * dz)
    while far - s > 1e-13:
        h = min(h, far - s)
        q = s + h
        ux, uy, uz = carry(rows, ox + q * dx, oy + q * dy, oz + q * dz)
        if curved and h > 1e-7:
            # a bend that shows at neither quarter point is of third order in h and h is below the motion's scale
            worst = 0.0
            for part in (0.25, 0.75):
                q = s + part * h
                vx, vy, vz = carry(rows, ox + q * dx, oy + q * dy, oz + q * dz)
                ex, ey, ez = vx - x - part * (ux - x), vy - y - part * (uy - y), vz - z - part * (uz - z)
                worst = max(worst, ex * ex + ey * ey + ez * ez)
            if worst > (0.75 * DEVIATION) ** 2:
                h *= 0.5
                continue
        value = integrate(packed, x, y, z, (ux - x) / h, (uy - y) / h, (uz - z) / h, 0.0, h, found)
        if math.isnan(value):
            h *= 0.5
            continue
        if conserved:
            q = s + 0.5 * h
            value *= compression(rows, ox + q * dx, oy + q * dy, oz + q * dz)
        total += value
        s += h
        x, y, z = ux, uy, uz
        h = min(2.0 * h, longest)
    return total


@numba.njit(cache=True, parallel=True)
def _integrals(packed, rows, rays, longest, conserved, out):
    chunks = (len(rays) + _CHUNK - 1) // _CHUNK
    for c in numba.prange(chunks):
        found = np.empty(_CROSSINGS)
        for n in range(c, len(rays), chunks):  # interleaved, so that threads share the hard part of an image
            ray = rays[n]
            out[n] = _along(packed, rows, ray[0], ray[1], ray[2], ray[3], ray[4], ray[5], ray[6], ray[7], longest, conserved, found)


@numba.njit(cache=True, parallel=True)
def _projection(packed, rows, pose, focal, centre, longest, conserved, reach, threads, out):
    height, width = out.shape
    for c in numba.prange(threads):
        found = np.empty(_CROSSINGS)
        for row in range(c, height, threads):
            for column in range(width):
                dx, dy, dz = pixel_direction(pose, focal, centre, column + 0.5, row + 0.5)
                # in units of reach the cube is the box; distances along the ray are the same
                near, far = clip_to_box(pose[0, 3] / reach, pose[1, 3] / reach, pose[2, 3] / reach, dx / reach, dy / reach, dz / reach)
                out[row, column] = _along(
                    packed, rows, pose[0, 3], pose[1, 3], pose[2, 3], dx, dy, dz, near, far, longest, conserved, found
                )


def line_integrals(packed: Packed, rays: np.ndarray, rows: np.ndarray, scale: float, conserved: bool = False) -> np.ndarray:
    """Integrals of the density over rays, inside the box.

    rays: [N, 8] as geometry.cast returns them. rows: [K, 13], the motion at
    the rays' time. scale: the motion's shortest length, inf where rays stay
    straight. conserved: whether compressed matter is denser. Returns [N] float64.
    """
    out = np.empty(len(rays))
    _integrals(packed, rows, np.ascontiguousarray(rays, np.float64), 0.5 * scale, conserved, out)
    return out


def projection(
    packed: Packed, views: Views, view: int, rows: np.ndarray, scale: float, conserved: bool = False, reach: float = 1.0
) -> np.ndarray:
    """The same for the rays through the pixel centres of one view: [height, width] float64.

    reach: half-width of the cube within which the density counts; 1: that of the box.
    """
    width, height = views.size[view]
    out = np.empty((height, width))
    pose = np.ascontiguousarray(views.camera_to_world[view], np.float64)
    _projection(packed, rows, pose, views.focal[view], views.centre[view], 0.5 * scale, conserved, reach, numba.get_num_threads(), out)
    return out


@numba.njit(cache=True, parallel=True)
def _densities(packed, rows, points, conserved, out):
    for n in numba.prange(len(points)):
        x, y, z = carry(rows, points[n, 0], points[n, 1], points[n, 2])
        out[n] = density_at(packed, x, y, z)
        if conserved:
            out[n] *= compression(rows, points[n, 0], points[n, 1], points[n, 2])


def densities(packed: Packed, points: np.ndarray, rows: np.ndarray, conserved: bool = False) -> np.ndarray:
    """Density at points [N, 3] of the deformed space. Returns [N] float64."""
    out = np.empty(len(points))
    _densities(packed, rows, np.ascontiguousarray(points, np.float64), conserved, out)
    return out
