"""Metrics against closed forms."""

import math

import numpy as np
import pytest

from xct4d import metrics


def test_correlation_of_sines_is_the_cosine_of_their_phase():
    angle = np.arange(10_000) * 2 * np.pi / 10_000
    for phase in (0.0, 0.3, 1.0, 2.5, np.pi):
        assert metrics.correlation(3 + 2 * np.sin(angle), -1 + 0.1 * np.sin(angle + phase)) == pytest.approx(math.cos(phase), abs=1e-12)


def test_correlation_does_not_depend_on_the_cuts():
    rng = np.random.default_rng(1)
    a = rng.normal(1e4, 1, (50, 20, 20)).astype(np.float32)  # a large mean: naive sums of squares would lose digits
    b = (0.6 * (a - 1e4) + 0.8 * rng.normal(0, 1, a.shape)).astype(np.float32)
    expected = np.corrcoef(a.ravel().astype(np.float64), b.ravel().astype(np.float64))[0, 1]
    streamed = metrics.Correlation()
    for start, stop in ((0, 1), (1, 30), (30, 30), (30, 50)):
        streamed.add(a[start:stop], b[start:stop])
    assert streamed.value == pytest.approx(expected, abs=1e-12)
    assert metrics.correlation(a, b) == pytest.approx(expected, abs=1e-12)
    assert streamed.count == a.size


def test_correlation_ignores_scale_and_offset():
    a = np.random.default_rng(2).random((4, 5, 6))
    assert metrics.correlation(a, 7 * a - 3) == pytest.approx(1, abs=1e-12)
    assert metrics.correlation(1e-12 * a, -a) == pytest.approx(-1, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1, 1e6])
def test_correlation_with_a_constant_is_undefined(constant):
    a = np.random.default_rng(3).random((8, 9, 10))
    assert math.isnan(metrics.correlation(a, np.full(a.shape, constant)))
    assert math.isnan(metrics.Correlation().value)


def test_correlation_refuses_unequal_shapes():
    with pytest.raises(ValueError, match="shape"):
        metrics.correlation(np.zeros((3, 4)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="shape"):
        metrics.correlation(np.zeros((3, 4)), np.zeros((2, 4)))


def test_psnr_of_a_known_offset():
    image = np.random.default_rng(4).random((30, 40))
    assert metrics.psnr(image + 0.01, image) == pytest.approx(40)
    assert metrics.psnr(image, image) == math.inf
    with pytest.raises(ValueError, match="shape"):
        metrics.psnr(image, image.T)


def test_ssim_of_constant_images_is_the_luminance_term():
    a, b = 0.6, 0.5
    c1 = 0.01**2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert metrics.ssim(np.full((32, 32), a), np.full((32, 32), b)) == pytest.approx(expected, abs=1e-9)
    image = np.random.default_rng(5).random((32, 32))
    assert metrics.ssim(image, image) == pytest.approx(1)
    assert metrics.ssim(1 - image, image) < 0
    assert math.isnan(metrics.ssim(image[:10], image[:10]))


def test_only_what_counts_is_compared():
    image = np.random.default_rng(7).random((40, 40))
    mask = np.ones((40, 40), bool)
    mask[10:20, 15:30] = False
    other = np.where(mask, image, 0)
    assert metrics.psnr(other, image, mask) == math.inf
    assert metrics.ssim(other, image, mask) == pytest.approx(1)
    assert metrics.psnr(np.where(mask, image + 0.1, 0), image, mask) == pytest.approx(20)
    noisy = image + np.random.default_rng(8).normal(0, 0.1, image.shape)
    whole = np.ones_like(mask)
    assert metrics.psnr(noisy, image, whole) == metrics.psnr(noisy, image)
    assert metrics.ssim(noisy, image, whole) == pytest.approx(metrics.ssim(noisy, image))
    assert math.isnan(metrics.psnr(image, image, ~whole))
    assert math.isnan(metrics.ssim(image, image, ~whole))


def test_displacement_error_of_known_shifts():
    true = np.random.default_rng(6).uniform(-1, 1, (100, 3))
    found = true + np.linspace(0, 0.99, 100)[:, None] * [0.6, 0.0, 0.8]  # lengths 0, 0.01, ... 0.99
    error = metrics.displacement_error(found, true, resolution=50)
    assert error["mean"] == pytest.approx(0.495)
    assert error["p95"] == pytest.approx(0.9405)
    assert error["max"] == pytest.approx(0.99)
    assert error["mean_voxels"] == pytest.approx(0.495 * 25)
    assert error["p95_voxels"] == pytest.approx(0.9405 * 25)
    assert error["points"] == 100
    with pytest.raises(ValueError, match="no points"):
        metrics.displacement_error(np.zeros((0, 3)), np.zeros((0, 3)), 10)
    with pytest.raises(ValueError, match="N, 3"):
        metrics.displacement_error(np.zeros((4, 3)), np.zeros((5, 3)), 10)
