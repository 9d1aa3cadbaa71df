"""A scan of a few balls, by the chords of its rays: what the doctor looks at, right or planted with an error."""

from dataclasses import replace

import numpy as np

from xct4d.doctor.sample import Sample
from xct4d.geometry.rays import pixel_rays
from xct4d.geometry.views import Views, orbit

WIDTH, HEIGHT, FOCAL, DISTANCE = 96, 72, 150.0, 4.0
CENTRES = np.array([[0.45, 0.1, 0.3], [-0.3, 0.4, -0.25], [-0.1, -0.5, 0.0], [0.1, 0.15, -0.45]])
RADII = np.array([0.2, 0.25, 0.15, 0.18])
ATTENUATION = 1.5
AZIMUTHS = np.arange(12) * 30.0


def views(azimuths=AZIMUTHS, width=WIDTH, focal=FOCAL, distance=DISTANCE) -> Views:
    n = len(azimuths)
    poses = np.stack([orbit(azimuth, 90.0, distance) for azimuth in azimuths])
    return Views(poses, np.full((n, 2), focal), np.tile([width / 2, HEIGHT / 2], (n, 1)), np.tile([width, HEIGHT], (n, 1)))


def transmissions(cameras: Views, centres=CENTRES) -> np.ndarray:
    """[V, height, width] float32."""
    return np.stack([_transmission(cameras, view, centres) for view in range(len(cameras))])


def _transmission(cameras: Views, view: int, centres: np.ndarray) -> np.ndarray:
    rays = pixel_rays(cameras, view)
    line = np.zeros(len(rays))
    for centre, radius in zip(centres, RADII, strict=True):
        along = ((centre - rays[:, :3]) * rays[:, 3:6]).sum(1)
        beside = ((rays[:, :3] + along[:, None] * rays[:, 3:6] - centre) ** 2).sum(1)
        line += 2 * np.sqrt(np.maximum(radius**2 - beside, 0))
    width, height = cameras.size[view]
    return np.exp(-ATTENUATION * line).reshape(height, width).astype(np.float32)


def scan(**changed) -> Sample:
    """As the files have it, right; changed: fields of the sample."""
    cameras = views()
    return replace(Sample(transmissions(cameras), cameras, 1.0, 1.0), **changed)


def mirrored(sample: Sample) -> Sample:
    return replace(sample, images=np.ascontiguousarray(sample.images[:, :, ::-1]))


def narrowed(sample: Sample, columns: int) -> Sample:
    """Without so many columns at either side."""
    centre, size = sample.views.centre - [columns, 0], sample.views.size - [2 * columns, 0]
    images = np.ascontiguousarray(sample.images[:, :, columns:-columns])
    return replace(sample, images=images, views=replace(sample.views, centre=centre, size=size))
