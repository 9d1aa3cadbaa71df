"""Strains of deformations that are known in closed form."""

import numpy as np
import pytest
import torch
from scipy.linalg import logm, sqrtm

from xct4d.analysis.strain import Deformation, components, invariants


def deformation(*matrices) -> Deformation:
    return Deformation(torch.tensor(np.array(matrices), dtype=torch.float32))


def rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def test_a_rotation_strains_nothing():
    found = deformation(rotation(0.7))
    for value in (found.green_lagrange, found.logarithmic, found.equivalent, found.jacobian - 1):
        assert value.abs().max() < 1e-6


def test_swelling_changes_the_volume_alone():
    found = deformation(1.1 * np.eye(3))
    assert found.jacobian.item() == pytest.approx(1.1**3)
    assert found.equivalent.item() < 1e-6
    assert found.logarithmic[0].numpy() == pytest.approx(np.log(1.1) * np.eye(3), abs=1e-6)
    assert found.green_lagrange[0].numpy() == pytest.approx((1.21 - 1) / 2 * np.eye(3), abs=1e-6)


def test_a_uniaxial_stretch_at_constant_volume_has_its_logarithm_as_equivalent_strain():
    found = deformation(rotation(0.3) @ np.diag([1.21, 1 / 1.1, 1 / 1.1]))
    assert found.equivalent.item() == pytest.approx(np.log(1.21), rel=1e-5)
    assert found.logarithmic_principal[0].numpy() == pytest.approx(np.log([1.21, 1 / 1.1, 1 / 1.1]), abs=1e-6)


def test_simple_shear():
    """F = 1 + g e1 e2: E12 = g / 2, E22 = g^2 / 2, and the largest stretch is (g + sqrt(g^2 + 4)) / 2."""
    g = 0.4
    found = deformation([[1, g, 0], [0, 1, 0], [0, 0, 1]])
    assert components(found.green_lagrange)[0].numpy() == pytest.approx([0, g**2 / 2, 0, 0, 0, g / 2], abs=1e-6)
    largest = np.log((g + np.sqrt(g**2 + 4)) / 2)
    assert found.logarithmic_principal[0].numpy() == pytest.approx([largest, 0, -largest], abs=1e-6)
    assert found.jacobian.item() == pytest.approx(1)


def test_any_deformation_against_the_matrix_logarithm():
    random = np.random.default_rng(0)
    matrices = np.eye(3) + random.uniform(-0.3, 0.3, (20, 3, 3))
    found = deformation(*matrices)
    assert (found.jacobian > 0).all()
    for i, matrix in enumerate(matrices):
        expected = logm(sqrtm(matrix.T @ matrix))
        assert found.logarithmic[i].numpy() == pytest.approx(expected, abs=2e-6)
        values = np.linalg.eigvalsh(expected)[::-1]
        assert found.logarithmic_principal[i].numpy() == pytest.approx(values, abs=2e-6)
        assert found.equivalent[i].item() == pytest.approx(np.sqrt(2 / 3 * np.square(values - values.mean()).sum()), abs=2e-6)
        i1, i2, i3 = invariants(found.logarithmic_principal)[i].tolist()
        assert i1 == pytest.approx(np.trace(expected), abs=2e-6)
        assert i2 == pytest.approx((np.trace(expected) ** 2 - np.trace(expected @ expected)) / 2, abs=2e-6)
        assert i3 == pytest.approx(np.linalg.det(expected), abs=2e-6)


def test_the_inverse_gives_the_same_as_the_gradient():
    matrices = np.eye(3) + np.random.default_rng(1).uniform(-0.3, 0.3, (20, 3, 3))
    found = Deformation.of_inverse(torch.tensor(np.linalg.inv(matrices)))
    assert found.gradient.numpy() == pytest.approx(matrices, abs=1e-9)


def test_folded_material_has_no_strain():
    found = deformation(np.diag([1.0, 1.0, -0.5]), np.diag([1.0, 1.0, 0.0]), np.eye(3))
    assert found.folded.tolist() == [True, True, False]
    for value in (found.green_lagrange, found.logarithmic, found.logarithmic_principal, found.green_lagrange_principal):
        assert torch.isnan(value[:2]).all()
        assert not torch.isnan(value[2]).any()
    assert torch.isnan(found.equivalent).tolist() == [True, True, False]


def test_material_that_was_crushed_to_nothing_counts_as_folded():
    found = Deformation.of_inverse(torch.stack([torch.zeros(3, 3), torch.diag(torch.tensor([1.0, 1.0, 1e-9]))]))
    assert torch.isfinite(found.gradient).all()
    assert found.folded.all()
