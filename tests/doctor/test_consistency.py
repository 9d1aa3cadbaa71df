"""Pairwise consistency: the mass of a plane is that of the object, and both views of a pair agree on it."""

from dataclasses import replace

import balls_scan
import numpy as np
import pytest

from xct4d.doctor.consistency import Pairs, differences, masses, radius
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.hypothesis import Hypothesis


@pytest.fixture(scope="module")
def evidence():
    sample = balls_scan.scan()
    return Evidence.of(sample.images, sample.views, 1.0, 1.0)


def weighted_mass(first: np.ndarray, second: np.ndarray, height: float) -> float:
    """Integral of the balls' attenuation over a plane, weighted by 1 / (distance from the baseline), times the baseline's distance from the origin."""
    along = (second - first) / np.linalg.norm(second - first)
    across = np.array([0.0, 0.0, height]) - first
    across -= (across @ along) * along
    across /= np.linalg.norm(across)
    foot = first - (first @ along) * along
    step = 0.004
    u, v = np.meshgrid(np.arange(-1.2, 1.2, step), np.arange(0.5, 6.0, step))
    points = foot + u[..., None] * along + v[..., None] * across
    inside = sum((((points - centre) ** 2).sum(-1) < r**2) for centre, r in zip(balls_scan.CENTRES, balls_scan.RADII, strict=True))
    return float((balls_scan.ATTENUATION * inside / v).sum() * step**2 * np.linalg.norm(foot))


def test_the_mass_of_a_plane_is_that_of_the_object(evidence):
    pairs = Pairs(np.array([[0, 2], [3, 6]]), 16)
    found = masses(evidence, pairs)
    rows = balls_scan.HEIGHT / 2 + 0.9 * balls_scan.HEIGHT * (np.arange(16) + 0.5 - 8) / 16
    sources = evidence.views.camera_to_world[:, :, 3]
    for p, k in ((0, 5), (0, 9), (1, 4), (1, 11)):
        height = (balls_scan.HEIGHT / 2 - rows[k]) / balls_scan.FOCAL * balls_scan.DISTANCE
        expected = weighted_mass(*sources[pairs.index[p]], height)
        assert expected > 0.05
        assert found[p, k] == pytest.approx([expected, expected], rel=0.03)


def test_views_agree_under_their_own_cameras_alone(evidence):
    pairs = Pairs.of(evidence)

    def disagreement(hypothesis):
        return np.sqrt(np.nanmean(differences(masses(hypothesis.applied(evidence), pairs)) ** 2))

    right = disagreement(Hypothesis())
    wrong = [Hypothesis(mirror=True), Hypothesis(focal_factor=0.5), Hypothesis(axis_shift_px=4.0), Hypothesis(roll_deg=3.0)]
    assert right < 0.01
    assert all(disagreement(hypothesis) > 3 * right for hypothesis in wrong)
    assert disagreement(Hypothesis(mirror=True)) > 20 * right


def test_planes_that_end_in_the_sample_do_not_count():
    sample = balls_scan.narrowed(balls_scan.scan(), 30)
    cut = Evidence.of(sample.images, sample.views, 1.0, 1.0)
    whole = Evidence.of(balls_scan.scan().images, balls_scan.views(), 1.0, 1.0)
    assert np.isfinite(masses(whole, Pairs.of(whole))).mean() > 0.9
    assert np.isfinite(masses(cut, Pairs.of(cut))).mean() < 0.6


def test_baselines_pass_beside_the_sample(evidence):
    pairs = Pairs.of(evidence)
    first, second = evidence.views.camera_to_world[pairs.index.T, :, 3]
    along = second - first
    away = np.linalg.norm(np.cross(first, along), axis=1) / np.linalg.norm(along, axis=1)
    reach = np.linalg.norm(balls_scan.CENTRES[:, :2], axis=1) + balls_scan.RADII
    assert radius(evidence) == pytest.approx(reach.max(), abs=0.08)
    assert away.min() > reach.max()
    assert len(Pairs.of(evidence, at_most=5).index) == 5


def test_air_that_is_not_quite_one_is_set_to_it():
    sample = balls_scan.scan()
    dim = replace(sample, images=sample.images * np.linspace(0.95, 1.05, 12, dtype=np.float32)[:, None, None])
    right, found = (Evidence.of(one.images, one.views, 1.0, 1.0).images for one in (sample, dim))
    assert np.abs(right - found).max() < 1e-5
