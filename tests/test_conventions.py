"""The conventions that everything else rests on: each test fails if one of them is broken."""

import numpy as np
import pytest
import torch
from small_frames import frames_of, one_view

from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.rays import cast, pixel_rays
from xct4d.geometry.views import Views, orbit
from xct4d.kernels import trilinear
from xct4d.kernels.bspline import basis
from xct4d.training.inspection.render import render
from xct4d.training.losses.projection import projection_loss
from xct4d.training.sampling.random import generator
from xct4d.training.sampling.rays import Batch, Exposure, draw, place_samples, time_points

EVERYWHERE = torch.ones(1, 1, 1, dtype=torch.bool)


def test_the_world_is_right_handed_with_z_up():
    for azimuth, polar in ((0, 90), (30, 70), (200, 110)):
        rotation = orbit(azimuth, polar, 4.0)[:, :3]
        assert np.allclose(rotation @ rotation.T, np.eye(3))
        assert np.linalg.det(rotation) == pytest.approx(1)
        assert rotation[2, 1] > 0  # the camera's up has a part along z


def test_the_camera_looks_along_its_minus_z():
    views = one_view(azimuth=90)
    ray = cast(views, [0], [4.0], [3.0])[0]
    assert np.allclose(ray[:3], [0, 4, 0])
    assert np.allclose(ray[3:6], [0, -1, 0])


def test_columns_grow_to_the_camera_s_right_and_rows_grow_down():
    views = one_view(azimuth=-90)  # the source is at y = -4 and looks along +y: right is +x, up is +z
    left, right = cast(views, [0, 0], [1.0, 7.0], [3.0, 3.0])
    assert left[3] < 0 < right[3]
    top, bottom = cast(views, [0, 0], [4.0, 4.0], [1.0, 5.0])
    assert bottom[5] < 0 < top[5]


def test_the_centre_of_the_first_pixel_is_half_a_pixel_in():
    views = one_view()
    rays = pixel_rays(views, 0)
    assert np.allclose(rays[0], cast(views, [0], [0.5], [0.5])[0])
    assert np.allclose(rays[1], cast(views, [0], [1.5], [0.5])[0])  # row-major
    assert np.allclose(rays[8], cast(views, [0], [0.5], [1.5])[0])


def test_downscaling_keeps_the_centre_of_the_detector():
    views = one_view(size=(8, 6))
    assert np.allclose(cast(views.downscaled(2), [0], [2.0], [1.5]), cast(views, [0], [4.0], [3.0]))
    assert np.allclose(cast(views.downscaled(2), [0], [0.5], [0.5]), cast(views, [0], [1.0], [1.0]))


def test_rays_are_clipped_to_the_box():
    views = one_view(size=(100, 100), focal=50.0)
    centre = cast(views, [0], [50.0], [50.0])[0]
    assert centre[6:] == pytest.approx([3, 5])
    corner = cast(views, [0], [0.5], [0.5])[0]
    assert corner[6:] == pytest.approx([0, 0])
    slanted = cast(views, [0], [55.0], [52.0])[0]
    for distance in slanted[6:]:
        assert np.abs(slanted[:3] + distance * slanted[3:6]).max() == pytest.approx(1)


def test_samples_are_stratified_along_the_ray():
    views = one_view()
    jitter = torch.from_numpy(generator(0, "test").random((1, 10), np.float32))
    samples = place_samples(frames_of(views, [np.ones((6, 8))]), np.zeros(1, int), np.array([4.3]), np.array([3.1]), jitter, EVERYWHERE)()
    ray = cast(views, [0], [4.3], [3.1])[0]
    distance = (samples.points.numpy() - ray[:3]) @ ray[3:6]
    part = (distance - ray[6]) / (ray[7] - ray[6]) * 10
    assert np.array_equal(np.floor(part), np.arange(10))
    assert np.allclose(part - np.arange(10), jitter[0].numpy(), atol=1e-4)
    assert float(samples.spacing[0]) == pytest.approx((ray[7] - ray[6]) / 10, rel=1e-6)


def test_beer_lambert_averages_the_views_of_a_frame_with_their_weights():
    """I = exp(-f) sum_v w_v exp(-integral of mu): the intensities are averaged, not the integrals."""
    views = one_view()
    samples = place_samples(
        frames_of(views, [np.ones((6, 8))]), np.zeros(1, int), np.array([4.0]), np.array([3.0]), torch.full((1, 8), 0.5), EVERYWHERE
    )()
    exposures = [Exposure(0.0, 0.25, samples), Exposure(0.5, 0.75, samples)]
    expected = np.exp(-0.1) * 0.25 * np.exp(-2 * 0.3) + np.exp(-0.2) * 0.75 * np.exp(-2 * 0.9)  # the ray is 2 long
    batch = Batch(torch.tensor([expected], dtype=torch.float32), exposures)
    densities = [torch.full((8,), 0.3), torch.full((8,), 0.9)]
    assert float(projection_loss(batch, densities, [torch.tensor(0.1), torch.tensor(0.2)])) < 1e-12


def test_a_rendered_frame_averages_its_views():
    views = Views(*(np.concatenate([getattr(one_view(a), n) for a in (0.0, 90.0)]) for n in ("camera_to_world", "focal", "centre", "size")))
    frames = frames_of(views, [np.ones((6, 8))], weights=[0.3, 0.7], times=[0.2, 0.6], first_view=[0, 2])
    image = render(lambda points, t: torch.full((len(points),), t), lambda t: 0.1, frames, 0, samples=4)
    rays = [pixel_rays(views, v) for v in (0, 1)]
    wanted = sum(w * np.exp(-0.1 - t * (r[:, 7] - r[:, 6])) for w, t, r in zip((0.3, 0.7), (0.2, 0.6), rays, strict=True))
    assert np.allclose(image.ravel(), wanted, atol=1e-6)


def test_volumes_are_z_y_x_at_voxel_centres():
    n = 10
    axis = voxel_centres(n)
    assert axis[0] == pytest.approx(-1 + 1 / n)
    assert np.diff(axis) == pytest.approx(2 / n)
    points = grid_points(axis, axis, axis)
    volume = (points @ [100.0, 10.0, 1.0]).reshape(n, n, n)  # 100 x + 10 y + z
    assert volume[0, 0, 1] - volume[0, 0, 0] == pytest.approx(100 * 2 / n)  # the last axis is x
    inner = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    sampled = trilinear.sample(torch.from_numpy(volume.astype(np.float32)), inner)
    assert torch.allclose(sampled, inner @ torch.tensor([100.0, 10.0, 1.0]), atol=1e-3)


def test_control_points_of_a_spline():
    """n per axis, spacing 2 / (n - 3), the first at -1 - spacing: so these values give back the coordinate."""
    n = 9
    spacing = 2 / (n - 3)
    place = -1 - spacing + spacing * np.arange(n)
    x = np.linspace(-1, 1, 101)
    assert np.allclose(basis(n, x) @ place, x, atol=1e-12)
    assert np.allclose(basis(n, np.array([-3.0, 1.5])), basis(n, np.array([-1.0, 1.0])))  # clamped outside


def test_velocity_control_points_are_t_z_y_x_component():
    field = VelocityField(5, 4, longest_step=0.01, solver="rk4")
    spacing = 1.0
    place = -1 - spacing + spacing * torch.arange(5)
    with torch.no_grad():
        field.control[..., 1] = place  # v_y = x
    points = torch.tensor([[0.5, -0.25, 0.1], [-0.4, 0.3, 0.8]])
    moved = field.flow(points, 0.0, 0.5)
    assert torch.allclose(moved[:, 0], points[:, 0])
    assert torch.allclose(moved[:, 1], points[:, 1] + 0.5 * points[:, 0], atol=1e-5)
    assert torch.allclose(moved[:, 2], points[:, 2])
    assert torch.allclose(field.flow(moved, 0.5, 0.0), points, atol=1e-5)  # and back


def test_flat_field_lowers_the_level():
    assert float(FlatField.constant(0.9)(0.0)) == pytest.approx(-np.log(0.9))
    straight = FlatField.between(0.1, 0.3, 6)
    assert [float(straight(t)) for t in (0.0, 0.5, 1.0)] == pytest.approx([0.1, 0.2, 0.3], abs=1e-6)


def test_batches_depend_on_seed_purpose_and_step_only():
    images = [generator(0, "image").random((6, 8))]
    time_point = time_points([frames_of(one_view(), images)])[0]
    a, b = (draw(time_point, generator(3, "velocity 6", 17), 32, 5)() for _ in range(2))
    assert torch.equal(a.exposures[0].samples.points, b.exposures[0].samples.points)
    assert torch.equal(a.measured, b.measured)
    other = draw(time_point, generator(3, "velocity 6", 18), 32, 5)()
    assert not torch.equal(a.measured, other.measured)


def test_drawn_rays_belong_to_their_pixels():
    """Each measured value must be the pixel that the ray goes through."""
    views = one_view()
    image = (np.arange(48).reshape(6, 8) + 1) / 64
    batch = draw(time_points([frames_of(views, [image])])[0], generator(0, "test"), 200, 4)()
    samples = batch.exposures[0].samples
    rays = pixel_rays(views, 0)
    for r in range(200):
        start, stop = samples.start[r : r + 2]
        if stop > start:
            offset = samples.points[start].numpy() - rays[:, :3]
            pixel = np.linalg.norm(np.cross(offset, rays[:, 3:6]), axis=1).argmin()
            assert float(batch.measured[r]) == pytest.approx(image.ravel()[pixel], abs=1e-4)
