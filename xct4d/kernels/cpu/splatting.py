"""Line integrals of moving material: each voxel is a particle that is projected onto the detector.

A particle at P carries the attenuation times the volume of its voxel. On the
detector it is spread over the four nearest pixels (bilinearly); a pixel sees
a solid angle whose cross-section at the depth d of the particle, across the
ray, is d^2 / (f_x f_y cos a), a the ray's angle with the optical axis. The sum
over the particles tends to the line integrals where their spacing, magnified,
is below that of the pixels. Unlike rays, particles are followed once through
all times, and what stays empty costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xct4d.compilation import numba
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.views import Views


@dataclass(frozen=True)
class Particles:
    """Voxels that hold material, as particles; they move with the nodes of a coarser grid of g^3 voxel centres, between which they lie."""

    node: np.ndarray  # [P] int64: index of the lowest of the eight nodes around a particle
    part: np.ndarray  # [P, 3] float32 (x, y, z): the position between the nodes
    mass: np.ndarray  # [P] float32: attenuation times volume at rest
    grid: int  # nodes per axis

    @classmethod
    def of(cls, volume: np.ndarray, held: np.ndarray, grid: int) -> Particles:
        """The voxels of a volume [n, n, n] that `held` [n, n, n] says. grid: nodes per axis."""
        n = len(volume)
        centres = voxel_centres(n)
        places = grid_points(centres, centres, centres)[held.ravel()] + scattered(np.argwhere(held)) * (2 / n)
        at = (places + 1) * grid / 2 - 0.5
        low = np.clip(np.floor(at).astype(np.int64), 0, grid - 2)
        mass = volume[held] * np.float32((2 / n) ** 3)
        return cls(low[:, 0] + grid * (low[:, 1] + grid * low[:, 2]), (at - low).astype(np.float32), mass.astype(np.float32), grid)


def particle_spread(voxels: int) -> float:
    """Standard deviation (world units, along an axis) by which particles of so many voxels an axis blur what they stand for.

    Each voxel is the mean over its own volume, in which its particle lies anywhere: two boxes.
    """
    return math.sqrt(2 / 12) * 2 / voxels


def scattered(index: np.ndarray) -> np.ndarray:
    """Where in its voxel each particle lies: (x, y, z) [P, 3] from -1/2 to 1/2, for the voxels' indices (z, y, x) [P, 3].

    From the centres, layers along the rays would be seen one behind the other,
    and layers and pixels make a moire pattern. So each row of voxels along an
    axis is shifted along that axis, by shifts that are evenly distributed among
    the rows along a ray: the fractional part of i / 1.3247 + j / 1.3247^2, of
    the row's indices i and j along the other two axes (the R2 sequence: a
    Kronecker sequence with the plastic number).
    """
    z, y, x = index.T
    first, second = 1.32471795724474602596 ** -np.arange(1.0, 3.0)
    shifts = np.stack([y * first + z * second, z * first + x * second, x * first + y * second], axis=1)
    return (shifts + 0.5) % 1 - 0.5


@numba.njit(fastmath=True)
def place(nodes, first, g, part):
    """(x, y, z, growth of volume) of a particle, interpolated between the eight nodes from `first` on; nodes [g^3, 4]."""
    x = y = z = growth = np.float32(0.0)
    for c in range(8):
        a, b, d = c & 1, (c >> 1) & 1, c >> 2
        w = (part[0] if a else 1 - part[0]) * (part[1] if b else 1 - part[1]) * (part[2] if d else 1 - part[2])
        n = first + a + g * (b + g * d)
        x += w * nodes[n, 0]
        y += w * nodes[n, 1]
        z += w * nodes[n, 2]
        growth += w * nodes[n, 3]
    return x, y, z, growth


@numba.njit(fastmath=True)
def place_adjoint(first, g, part, component, amount, nodes):
    """Adjoint of `place`: add an amount to one component of the eight nodes, in proportion to their weights."""
    for c in range(8):
        a, b, d = c & 1, (c >> 1) & 1, c >> 2
        w = (part[0] if a else 1 - part[0]) * (part[1] if b else 1 - part[1]) * (part[2] if d else 1 - part[2])
        nodes[first + a + g * (b + g * d), component] += w * amount


@numba.njit(fastmath=True)
def seen(pose, fx, fy, cx, cy, x, y, z):
    """Where a particle of unit mass at (x, y, z) is seen, and how strongly.

    Returns column and row (counted from pixel centres), the slopes of its ray
    along columns and rows, 1 / depth, and the sum over the pixels of the line
    integrals that it adds.
    """
    dx, dy, dz = x - pose[0, 3], y - pose[1, 3], z - pose[2, 3]
    near = -1 / (pose[0, 2] * dx + pose[1, 2] * dy + pose[2, 2] * dz)
    a = (pose[0, 0] * dx + pose[1, 0] * dy + pose[2, 0] * dz) * near
    b = (pose[0, 1] * dx + pose[1, 1] * dy + pose[2, 1] * dz) * near
    return cx + fx * a - 0.5, cy - fy * b - 0.5, a, b, near, fx * fy * near * near * math.sqrt(1 + a * a + b * b)


@numba.njit(fastmath=True, cache=True, nogil=True)
def _splat(node, part, mass, g, nodes, pose, focal, centre, weight, image):
    height, width = image.shape
    for p in range(len(node)):
        x, y, z, growth = place(nodes, node[p], g, part[p])
        if abs(x) > 1 or abs(y) > 1 or abs(z) > 1:
            continue
        column, row, _, _, _, worth = seen(pose, focal[0], focal[1], centre[0], centre[1], x, y, z)
        if not (0 <= column < width - 1 and 0 <= row < height - 1):
            continue
        i, j = int(column), int(row)
        u, v, m = column - i, row - j, weight * mass[p] * growth * worth
        image[j, i] += m * (1 - u) * (1 - v)
        image[j, i + 1] += m * u * (1 - v)
        image[j + 1, i] += m * (1 - u) * v
        image[j + 1, i + 1] += m * u * v


@numba.njit(fastmath=True, cache=True, nogil=True)
def _splat_adjoint(node, part, mass, g, nodes, pose, focal, centre, weight, cotangent, out):
    height, width = cotangent.shape
    for p in range(len(node)):
        x, y, z, growth = place(nodes, node[p], g, part[p])
        if abs(x) > 1 or abs(y) > 1 or abs(z) > 1:
            continue
        column, row, a, b, near, worth = seen(pose, focal[0], focal[1], centre[0], centre[1], x, y, z)
        if not (0 <= column < width - 1 and 0 <= row < height - 1):
            continue
        i, j = int(column), int(row)
        u, v, m = column - i, row - j, weight * mass[p] * worth
        g00, g01, g10, g11 = cotangent[j, i], cotangent[j, i + 1], cotangent[j + 1, i], cotangent[j + 1, i + 1]
        value = (1 - v) * ((1 - u) * g00 + u * g01) + v * ((1 - u) * g10 + u * g11)
        across = m * growth * near * focal[0] * ((1 - v) * (g01 - g00) + v * (g11 - g10))
        down = -m * growth * near * focal[1] * ((1 - u) * (g10 - g00) + u * (g11 - g01))
        # worth = f_x f_y near^2 sqrt(1 + a^2 + b^2): its derivatives by a, by b and by the depth
        bend = m * growth * value * near / (1 + a * a + b * b)
        wide, tall, deep = across + bend * a, down + bend * b, 2 * m * growth * value * near
        for d in range(3):
            k = pose[d, 0] * wide + pose[d, 1] * tall + pose[d, 2] * (a * wide + b * tall + deep)
            place_adjoint(node[p], g, part[p], d, k, out)
        place_adjoint(node[p], g, part[p], 3, m * value, out)


def splat(particles: Particles, nodes: np.ndarray, views: Views, view: int, weight: float, image: np.ndarray) -> None:
    """Add `weight` times the line integrals of the particles to an image [height, width] float32.

    nodes: [g^3, 4] float32: where each node is (x, y, z), and the volume around it over that at rest.
    """
    _splat(particles.node, particles.part, particles.mass, particles.grid, nodes, *_camera(views, view), np.float32(weight), image)


def splat_adjoint(
    particles: Particles, nodes: np.ndarray, views: Views, view: int, weight: float, cotangent: np.ndarray, out: np.ndarray
) -> None:
    """Adjoint of `splat` in the nodes: add their gradient to out [g^3, 4], for the cotangent [height, width] of the image."""
    camera = _camera(views, view)
    _splat_adjoint(particles.node, particles.part, particles.mass, particles.grid, nodes, *camera, np.float32(weight), cotangent, out)


def _camera(views: Views, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.ascontiguousarray(views.camera_to_world[view]), views.focal[view], views.centre[view]
