"""Whole projections: leaving out empty cells changes nothing."""

import numpy as np
import pytest
import torch
from evolution_in_closed_form import CENTRE, RADIUS, DriftingBall

from xct4d.analysis.projections import render_frame
from xct4d.fields import occupancy
from xct4d.geometry.rays import pixel_rays
from xct4d.geometry.views import Views, orbit
from xct4d.io.prepared import Frames
from xct4d.training.inspection.render import render
from xct4d.training.sampling.rays import WHOLE_BOX, place_samples

PIXELS = 24  # even, with the centre in the middle: at azimuth 0 and 90 samples fall exactly between cells


def frames(azimuths, pixels=PIXELS):
    f = len(azimuths)
    views = Views(
        np.stack([orbit(a, 90.0, 4.0) for a in azimuths]),
        np.full((f, 2), 1.7 * pixels),
        np.full((f, 2), pixels / 2),
        np.full((f, 2), pixels),
    )
    offset = np.arange(f + 1) * pixels**2
    return Frames(
        [f"{i}.png" for i in range(f)], np.zeros(f, bool), offset, np.arange(f + 1), views, np.ones(f), np.linspace(0, 1, f),
        np.zeros(offset[-1], np.uint16), 1.0, None, None,
    )  # fmt: skip


def density(points, time):
    return DriftingBall().attenuation(points, time, ["mixed"])["mixed"]


@pytest.mark.parametrize("seed", [0, 1])
def test_skipping_empty_cells_changes_nothing(seed):
    """Where the ball is, samples between two cells once got lost and left another ray's behind."""
    source = frames([0.0, 80.0, 90.0, 123.0])
    for frame in range(4):
        time = float(source.time[frame])
        cells = occupancy.occupied(lambda points, time=time: density(points, time), np.random.default_rng(seed))
        assert 0.01 < cells.float().mean() < 0.2
        whole = render(density, lambda _: 0.0, source, frame, samples=PIXELS)
        sparse = render(density, lambda _: 0.0, source, frame, samples=PIXELS, cells=lambda _, cells=cells: cells)
        assert np.abs(whole - sparse).max() < 1e-6


def test_sparse_samples_are_the_others_samples():
    source = frames([0.0, 80.0])
    row, column = np.mgrid[0:PIXELS, 0:PIXELS].reshape(2, -1) + 0.5
    jitter = torch.full((len(row), PIXELS), 0.5)
    cells = torch.from_numpy(np.random.default_rng(0).random((48, 48, 48)) < 0.3)
    for frame in range(2):
        view = np.full(len(row), frame)
        every = place_samples(source, view, column, row, jitter, WHOLE_BOX)()
        some = place_samples(source, view, column, row, jitter, cells)()
        assert torch.equal(every.spacing, some.spacing)
        assert 0.2 < len(some.points) / len(every.points) < 0.4
        for ray in range(len(row)):
            of_all = every.points[every.start[ray] : every.start[ray + 1]]
            kept = some.points[some.start[ray] : some.start[ray + 1]]
            if len(kept):
                assert torch.cdist(kept, of_all).min(1).values.max() < 1e-6


@pytest.mark.parametrize("pixels", [24, 100])  # below and above the size from which empty cells are sought
def test_a_ball_that_thins_outwards_casts_the_shadow_of_its_closed_form(pixels):
    """Line integral of 1 - r / R along a chord at distance b from the centre: h - (h d + b^2 asinh(h / b)) / R with 2 h its length, d = R."""
    source = frames([25.0], pixels)
    rays = pixel_rays(source.views, 0)
    to_centre = CENTRE - rays[:, :3]
    b = np.sqrt(np.maximum((to_centre**2).sum(1) - np.einsum("ni,ni->n", to_centre, rays[:, 3:6]) ** 2, 1e-12))
    half = np.sqrt(np.clip(RADIUS**2 - b**2, 0, None))
    integral = 2 * half - (half * RADIUS + b**2 * np.arcsinh(half / b)) / RADIUS
    image = render_frame(DriftingBall(), source, 0)
    assert np.abs(image.ravel() - np.exp(-integral)).max() < 2.0 / pixels**2 * 8
    assert image.min() < 0.75
