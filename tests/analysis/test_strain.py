"""Strains of motions whose strain is known in closed form."""

import numpy as np
import pytest

from xct4d.analysis.strain import deformation_gradient, equivalent_strain, volume_change

POINTS = np.random.default_rng(0).uniform(-1, 1, (20, 3))


def gradient_of(matrix):
    return deformation_gradient(lambda points: points @ np.asarray(matrix).T + [0.1, 0.0, -0.2], POINTS, 0.05)


def test_the_gradient_of_a_linear_motion_is_its_matrix():
    matrix = np.array([[1.1, 0.2, 0.0], [-0.1, 0.9, 0.3], [0.0, 0.05, 1.2]])
    assert gradient_of(matrix) == pytest.approx(np.broadcast_to(matrix, (20, 3, 3)))


def test_the_gradient_of_a_curved_motion():
    found = deformation_gradient(lambda p: np.stack([p[:, 0] ** 2, p[:, 0] * p[:, 1], p[:, 2]], 1), POINTS, 1e-3)
    x, y, _ = POINTS.T
    nothing = np.zeros(20)
    expected = np.stack([[2 * x, nothing, nothing], [y, x, nothing], [nothing, nothing, nothing + 1]]).transpose(2, 0, 1)
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_rotation_strains_nothing():
    c, s = np.cos(0.7), np.sin(0.7)
    found = gradient_of([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    assert volume_change(found) == pytest.approx(np.zeros(20), abs=1e-12)
    assert equivalent_strain(found) == pytest.approx(np.zeros(20), abs=1e-12)


def test_swelling_changes_the_volume_alone():
    found = gradient_of(1.1 * np.eye(3))
    assert volume_change(found) == pytest.approx(np.full(20, 1.1**3 - 1))
    assert equivalent_strain(found) == pytest.approx(np.zeros(20), abs=1e-12)


def test_a_uniaxial_stretch_at_constant_volume():
    """E = diag(e, e', e'): the equivalent strain is 2/3 (e - e')."""
    found = gradient_of(np.diag([1.21, 1 / 1.1, 1 / 1.1]))
    assert volume_change(found) == pytest.approx(np.zeros(20), abs=1e-12)
    assert equivalent_strain(found) == pytest.approx(np.full(20, (1.21**2 - 1 / 1.21) / 3))
