"""Paths of material whose motion is known in closed form."""

import math

import numpy as np
import pytest
import torch

from xct4d.analysis.tracking import Followed, Paths, gauge_strain
from xct4d.analysis.uncertainty import Motions
from xct4d.fields.velocity import VelocityField

N = 6
TIMES = (0.0, 0.4, 1.0)


def stretching(rate: float) -> VelocityField:
    """v = rate x along x: what is at X at t = 0 is at exp(rate t) X."""
    field = VelocityField(N, 4, longest_step=0.05, solver="rk4")
    place = -1 + (torch.arange(N) - 1) * (2 / (N - 3))
    with torch.no_grad():
        field.control[..., 0] = rate * place
    return field


POINTS = torch.tensor([[0.1, 0.0, 0.0], [0.1, 0.2, 0.0], [0.3, 0.0, 0.0], [0.1, 0.4, 0.0]])


def test_paths_and_strain_of_a_stretch():
    paths = Paths.of(stretching(0.5), POINTS, TIMES)
    for i, t in enumerate(TIMES):
        assert torch.allclose(paths.places[i], POINTS * torch.tensor([math.exp(0.5 * t), 1, 1]), atol=1e-5)
        assert np.allclose(paths.strained()["logarithmic_strain_xx"][i], 0.5 * t, atol=1e-5)
        assert np.allclose(paths.strained()["equivalent_strain"][i], 0.5 * t * 2 / 3, atol=1e-5)
        assert np.allclose(paths.strained()["jacobian"][i], math.exp(0.5 * t), atol=1e-5)


def test_gauges_along_the_stretch_have_its_strain_and_across_it_none():
    lengths, strain = gauge_strain(Paths.of(stretching(0.5), POINTS, TIMES))
    assert lengths[0].tolist() == pytest.approx([0.2, 0.2])
    assert strain[:, 0].tolist() == pytest.approx([0.5 * t for t in TIMES], abs=1e-5)
    assert strain[:, 1].tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_the_deviation_is_that_of_the_samples_about_the_fitted_motion():
    """Rates 0.5 +- 0.1: the strain is open to 0.1 t, whatever the trained motion's own rate."""
    motions = Motions(stretching(0.5), [stretching(0.6), stretching(0.4)])
    followed = Followed.of(stretching(0.3), motions, POINTS, TIMES)
    deviation = followed.deviation(lambda paths: gauge_strain(paths)[1])
    assert deviation[:, 0].tolist() == pytest.approx([0.1 * t for t in TIMES], abs=1e-5)
    assert gauge_strain(followed.paths)[1][-1, 0].item() == pytest.approx(0.3, abs=1e-5)
