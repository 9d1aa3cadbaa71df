"""Projections of the drifting ball, as the model in closed form renders them, and a training's history."""

import numpy as np
from evolution_in_closed_form import DriftingBall

from xct4d.analysis.projections import render_frame
from xct4d.geometry.views import Views, orbit
from xct4d.io import prepared

PIXELS = 24
HISTORY = {"step": [0, 10, 20], "loss": [1e-1, 1e-2, 2e-3], "held_out_psnr": [[10, 25.0], [20, 31.5]]}


def frames(times, held_out, unit_mm=None, duration_s=None):
    """Projections of the ball as the model in closed form renders them, one view each."""
    f = len(times)
    views = Views(
        np.stack([orbit(40.0 * i, 90.0, 4.0) for i in range(f)]),
        np.full((f, 2), 40.0),
        np.full((f, 2), PIXELS / 2),
        np.full((f, 2), PIXELS),
    )
    offset = np.arange(f + 1) * PIXELS**2
    empty = prepared.Frames(
        [f"images/eval_{i:02d}.png" for i in range(f)], np.array(held_out), offset, np.arange(f + 1), views,
        np.ones(f), np.array(times, float), np.zeros(offset[-1], np.uint16), 1.0, unit_mm, duration_s,
    )  # fmt: skip
    for i in range(f):
        empty.pixels[offset[i] : offset[i + 1]] = np.rint(render_frame(DriftingBall(), empty, i).ravel() * prepared.FULL_SCALE)
    return empty


def save(path, **options):
    path.mkdir(parents=True)
    prepared.save(frames(**options), path)
    return path
