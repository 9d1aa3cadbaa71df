"""Prepared projections of a few pixels, in memory."""

import numpy as np

from xct4d.geometry.views import Views, concatenate, orbit
from xct4d.io.prepared import FULL_SCALE, Frames


def one_view(azimuth=0.0, polar=90.0, size=(8, 6), focal=10.0):
    """One view from a distance of 4, its optical axis through the middle of the detector. size: width and height."""
    return Views(
        orbit(azimuth, polar, 4.0)[None], np.full((1, 2), focal), np.array([[size[0] / 2, size[1] / 2]]), np.array([size], np.int64)
    )


def frames_of(views, images, *, weights=None, times=None, first_view=None):
    """Frames with these images [height, width], one view each unless first_view says otherwise."""
    count = len(images)
    first_view = np.arange(count + 1) if first_view is None else np.array(first_view)
    return Frames(
        name=[f"train_{i}.png" for i in range(count)], held_out=np.zeros(count, bool),
        offset=np.concatenate([[0], np.cumsum([image.size for image in images])]), first_view=first_view, views=views,
        weight=np.ones(len(views)) if weights is None else np.array(weights, float),
        time=np.zeros(len(views)) if times is None else np.array(times, float),
        pixels=np.concatenate([np.round(image * FULL_SCALE).astype(np.uint16).ravel() for image in images]),
        flat_field=1.0, unit_mm=None, duration_s=None,
    )  # fmt: skip


def frames_at(times, *, held_out=()):
    """Frames of air at these times. held_out: indices of those that are held out."""
    views = concatenate([one_view() for _ in times])
    frames = frames_of(views, [np.ones((6, 8)) for _ in times], times=times)
    frames.held_out[list(held_out)] = True
    return frames
