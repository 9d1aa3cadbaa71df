"""Line integrals through voxels and their transpose, and denoising by total variation: against plain torch and known answers."""

import numpy as np
import pytest
import torch

from xct4d.geometry.views import Views, orbit
from xct4d.kernels import projector, total_variation
from xct4d.kernels.shared import joseph, rof

VOXELS = 20


def views(polar=90.0, azimuths=(3, 50, 95, 140, 200, 310)):
    count = len(azimuths)
    poses = np.stack([orbit(azimuth, polar, 4.0) for azimuth in azimuths])
    return Views(poses, np.full((count, 2), [40.0, 42.0]), np.full((count, 2), [13.5, 12.0]), np.full((count, 2), [26, 24]))


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def whole():
    span = torch.zeros(2, VOXELS, VOXELS, dtype=torch.int32)
    span[1] = VOXELS
    return span


def ragged():
    """Ranges of many lengths, empty ones among them."""
    ends = (random(2, VOXELS, VOXELS, seed=3) * (VOXELS + 1)).to(torch.int32)
    return torch.stack([ends.amin(0), ends.amax(0)])


@pytest.mark.parametrize("span", [whole(), ragged()])
def test_projections_are_those_of_the_torch_code(span):
    volume = random(VOXELS, VOXELS, VOXELS) * joseph.within(span)
    expected = joseph.project(volume, span, views())
    assert expected.max() > 0.5
    assert (projector.project(volume, span, views()) - expected).abs().max() < 2e-4 * expected.max()


def test_a_projection_is_the_integral_along_the_ray():
    """A slab of one attenuation: the length of the ray in it."""
    volume = torch.zeros(VOXELS, VOXELS, VOXELS)
    volume[:, 5:15] = 2.0  # along x, from -0.5 to 0.5
    camera = views(azimuths=(0,))  # looks along x
    image = projector.project(volume, whole(), camera)[0]
    a = (np.arange(26) + 0.5 - 13.5)[:, None] / 40
    b = (np.arange(24) + 0.5 - 12.0)[None] / 42
    inside = (np.abs(4.5 * a) < 0.9) & (np.abs(4.5 * b) < 0.9)  # through no other face of the box
    assert inside.sum() > 100
    assert np.allclose(image.numpy()[inside], (2 * np.sqrt(1 + a**2 + b**2))[inside], rtol=1e-4)


@pytest.mark.parametrize("polar", [90.0, 70.0])
@pytest.mark.parametrize("span", [whole(), ragged()])
def test_back_projection_is_the_transpose(span, polar):
    camera = views(polar)
    volume, images = random(VOXELS, VOXELS, VOXELS) * joseph.within(span), random(6, 26, 24, seed=1)
    one = (projector.project(volume, span, camera).double() * images).sum()
    other = (volume.double() * projector.back_project(images, span, camera)).sum()
    assert one > 1
    assert float(one) == pytest.approx(float(other), rel=1e-5)


def test_a_tilted_camera_sees_what_it_must():
    """A ball in the middle looks alike from every direction."""
    axis = (torch.arange(VOXELS) + 0.5) * 2 / VOXELS - 1
    ball = (1.5 - 2 * (axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2).sqrt()).clamp(0, 1)
    level, tilted = (projector.project(ball, whole(), views(polar)) for polar in (90.0, 60.0))
    assert (level - tilted).abs().max() < 0.05 * level.max()


@pytest.mark.parametrize("span", [whole(), ragged()])
def test_denoising_is_that_of_the_torch_code(span):
    volume = random(VOXELS, VOXELS, VOXELS)
    ours, plain = torch.zeros(3, *volume.shape), torch.zeros(3, *volume.shape)
    for _ in range(2):  # the second call goes on where the first one stopped
        found, expected = total_variation.denoise(volume, ours, span, 0.1, 5), rof.denoise(volume, plain, span, 0.1, 5)
        assert (found - expected).abs().max() < 1e-5
        assert (ours - plain).abs().max() < 1e-4


def test_denoising_keeps_an_edge_and_removes_noise():
    clean = torch.zeros(VOXELS, VOXELS, VOXELS)
    clean[:, 8:] = 1.0
    noisy = clean + 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    found = total_variation.denoise(noisy, torch.zeros(3, *clean.shape), whole(), 0.1, 60)
    assert (found - clean).abs().mean() < 0.3 * (noisy - clean).abs().mean()
    assert (found[:, 8] - found[:, 7]).mean() > 0.9
