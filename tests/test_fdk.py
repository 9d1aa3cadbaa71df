"""The benchmarks' FDK and SIRT against a ball whose projections are known in closed form."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.rays import pixel_rays
from xct4d.geometry.views import Views, orbit
from xct4d.io import prepared
from xct4d.metrics import correlation
from xct4d.reconstruction.fdk import DoesNotApply, arc_of_each, check_circular, filtered_back_projection
from xct4d.reconstruction.sirt import simultaneous_iterations

CENTRE, RADIUS, DENSITY = np.array([0.3, -0.2, 0.15]), 0.35, 1.5
PIXELS, COUNT = 96, 120


@pytest.fixture(scope="module")
def fdk():
    spec = importlib.util.spec_from_file_location("fdk", Path(__file__).parents[1] / "benchmarks" / "fdk.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    azimuth = np.arange(COUNT) * 360 / COUNT + rng.uniform(-0.5, 0.5, COUNT)  # not quite equally spaced
    poses = np.stack([orbit(a, 90.0, 5.0) for a in azimuth])
    views = Views(poses, np.full((COUNT, 2), 150.0), np.full((COUNT, 2), PIXELS / 2) + [1.5, -2.0], np.full((COUNT, 2), PIXELS))
    images = []
    for view in range(COUNT):
        rays = pixel_rays(views, view)
        to_centre = CENTRE - rays[:, :3]
        along = np.einsum("ni,ni->n", to_centre, rays[:, 3:6])
        missed = (to_centre**2).sum(1) - along**2
        chord = 2 * np.sqrt(np.clip(RADIUS**2 - missed, 0, None))
        images.append(np.rint(0.9 * np.exp(-DENSITY * chord) * prepared.FULL_SCALE))
    held_out = np.zeros(COUNT, bool)
    held_out[::20] = True
    return prepared.Frames(
        [f"{i}.png" for i in range(COUNT)], held_out, np.arange(COUNT + 1) * PIXELS**2, np.arange(COUNT + 1), views, np.ones(COUNT),
        np.zeros(COUNT), np.concatenate(images).astype(np.uint16), 0.9, None, None,
    )  # fmt: skip


def test_the_ball_is_where_it_is_with_its_density(fdk, frames):
    n = 64
    volume = filtered_back_projection(frames, n)
    c = voxel_centres(n)
    radius = np.linalg.norm(grid_points(c, c, c) - CENTRE, axis=1).reshape(n, n, n)
    assert volume[radius < 0.7 * RADIUS].mean() == pytest.approx(DENSITY, rel=0.01)
    assert volume[radius < 0.7 * RADIUS].std() < 0.05 * DENSITY
    points = grid_points(c, c, c)
    weight = np.clip(volume, 0, None).ravel() * (radius.ravel() < 2 * RADIUS)
    assert (points * weight[:, None]).sum(0) / weight.sum() == pytest.approx(CENTRE, abs=0.01)
    assert correlation(volume, (radius < RADIUS).astype(float)) > 0.95
    scores = fdk.scores(volume, frames)
    assert scores["held_out"] == 6
    assert scores["psnr"] > 30


def test_of_long_exposures_the_middle_view_is_taken(frames):
    three = np.repeat(np.arange(COUNT), 3)
    views = frames.views[three]
    beside = np.array(views.centre)
    beside[0::3, 0] -= 5
    beside[2::3, 0] += 5
    blurred = dataclasses.replace(
        frames, views=dataclasses.replace(views, centre=beside), first_view=3 * frames.first_view,
        weight=np.tile([5 / 18, 8 / 18, 5 / 18], COUNT), time=np.zeros(3 * COUNT),
    )  # fmt: skip
    assert [blurred.main_view(f) for f in (0, 7)] == [1, 22]
    assert np.array_equal(filtered_back_projection(blurred, 16), filtered_back_projection(frames, 16))


def test_sirt_finds_the_ball_too(fdk, frames):
    n = 48
    volume = simultaneous_iterations(frames, n, 40)
    c = voxel_centres(n)
    radius = np.linalg.norm(grid_points(c, c, c) - CENTRE, axis=1).reshape(n, n, n)
    assert volume.min() >= 0
    assert volume[radius < 0.7 * RADIUS].mean() == pytest.approx(DENSITY, rel=0.02)
    assert correlation(volume, (radius < RADIUS).astype(float)) > 0.95
    few = simultaneous_iterations(frames, n, 2)
    assert fdk.scores(volume, frames)["psnr"] > fdk.scores(few, frames)["psnr"] + 3


def test_what_a_mask_leaves_out_does_not_count_in_sirt(frames):
    """A stripe of lead that stays on the detector."""
    n, pixels = 48, np.array(frames.pixels).reshape(COUNT, PIXELS, PIXELS)
    counts = np.ones(pixels.shape, bool)
    counts[:, :, 44:50] = False
    pixels[~counts] = 1
    leaden = dataclasses.replace(frames, pixels=pixels.ravel())
    volumes = [simultaneous_iterations(own, n, 15) for own in (frames, leaden, dataclasses.replace(leaden, counts=counts.ravel()))]
    spoiled, masked = (correlation(volumes[0], other) for other in volumes[1:])
    assert masked > 0.97
    assert spoiled < 0.8


def test_line_integrals_of_a_linear_volume_are_exact(fdk, frames):
    n = 40
    c = voxel_centres(n)
    points = grid_points(c, c, c)
    volume = (2 + points @ [0.3, -0.5, 0.7]).reshape(n, n, n).astype(np.float32)
    rays = pixel_rays(frames.views, 7)[PIXELS * 48 + 20 : PIXELS * 48 + 76]
    rays[:, 6] += 0.2  # away from the outermost half voxels, where the volume is continued constantly
    rays[:, 7] -= 0.2
    middle = rays[:, :3] + rays[:, 3:6] * ((rays[:, 6] + rays[:, 7]) / 2)[:, None]
    inside = (np.abs(rays[:, :3] + rays[:, 3:6] * rays[:, 6:7]) < 0.97).all(1) & (
        np.abs(rays[:, :3] + rays[:, 3:6] * rays[:, 7:8]) < 0.97
    ).all(1)
    assert inside.sum() > 20
    expected = (2 + middle @ [0.3, -0.5, 0.7]) * (rays[:, 7] - rays[:, 6])
    assert fdk.integrate(volume, rays, 1 / n)[inside] == pytest.approx(expected[inside], rel=1e-5)


def test_arcs_share_the_circle():
    arcs = arc_of_each(np.deg2rad([0, 90, 90, 180, -90]))
    assert np.rad2deg(arcs) == pytest.approx([90, 45, 45, 90, 90])
    assert arc_of_each(np.deg2rad([10, 350])).sum() == pytest.approx(2 * np.pi)


def test_other_orbits_are_refused():
    tilted = Views(np.stack([orbit(0, 80.0, 4.0)]), np.full((1, 2), 40.0), np.full((1, 2), 10.0), np.full((1, 2), 20))
    with pytest.raises(DoesNotApply, match="circle"):
        check_circular(tilted)
