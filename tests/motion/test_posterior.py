"""Samples of the motion's posterior distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from squeezed_balls import PLACES, SQUEEZED, sequence, thing

from xct4d.fields.velocity import VelocityField
from xct4d.motion.posterior import ROUGHER, Posterior, prior_deviation
from xct4d.motion.quasi_newton import StiffBasis
from xct4d.motion.sequence import Fineness, SequenceFit

SHAPE = (4, 6, 6, 6, 3)
LOOK = Fineness(12, 32, 0.08, 0.07, 0.08)
BASIS = StiffBasis.of(SHAPE[1], SHAPE[0])


def posterior_of(noise: float, roughness: float = 0.02) -> Posterior:
    """Of a thing at rest, whose scans have noise of this part of their largest attenuation; its motion is said to be that rough."""
    truth, random = thing(SQUEEZED), np.random.default_rng(1)
    still = truth.volume(32, 0.0)
    scans = [still + noise * still.max() * random.standard_normal(still.shape) for _ in range(2)]
    fit = SequenceFit(scans, sequence(truth, (0.001, 0.002)), np.zeros(SHAPE), "attenuation", LOOK, bending_weight=0.0)
    return Posterior(fit, rough(roughness))


def rough(roughness: float) -> np.ndarray:
    """Control points with coefficients of this size over their stiffness."""
    size = roughness / np.maximum(BASIS.total_stiffness, 5.0)
    return BASIS.control(size * np.random.default_rng(2).standard_normal(SHAPE))


def spread(samples: list[np.ndarray]) -> float:
    """Root mean square of the displacement from t = 0 to 1 of the balls' centres, world units."""
    field, moved = VelocityField(SHAPE[1], SHAPE[0], longest_step=0.1, solver="midpoint"), []
    points = torch.tensor(PLACES)
    for sample in samples:
        with torch.no_grad():
            field.control.copy_(torch.from_numpy(sample.astype(np.float32)))
            moved.append((field.flow(points, 0.0, 1.0) - points).numpy())
    return float(np.sqrt(np.mean(np.square(moved))))


def test_a_seed_gives_one_sample_and_another_seed_another():
    one, again, other = (posterior_of(0.1).sample(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)


def test_noisier_data_leave_more_open():
    quiet, noisy = ([posterior_of(noise).sample(np.random.default_rng(k)) for k in range(3)] for noise in (0.01, 0.5))
    assert spread(noisy) > 5 * spread(quiet)


def test_data_narrow_the_prior():
    posterior, random = posterior_of(0.01), np.random.default_rng(3)
    prior = [BASIS.control(prior_deviation(rough(0.02), BASIS) * random.standard_normal(SHAPE)) for _ in range(3)]
    assert spread([posterior.sample(np.random.default_rng(k)) for k in range(3)]) < 0.3 * spread(prior)


@pytest.mark.parametrize("roughness", [0.02, 0.2])
def test_the_prior_is_as_rough_as_the_motion(roughness):
    stiffness = np.broadcast_to(BASIS.total_stiffness, SHAPE)
    found = prior_deviation(rough(roughness), BASIS)
    assert np.median(found * np.maximum(stiffness, 5.0)) == pytest.approx(ROUGHER * roughness, rel=0.2)
    assert found[stiffness < 1].min() > 0  # rigid motions may differ too


def test_a_smooth_motion_still_has_a_prior():
    assert prior_deviation(np.zeros(SHAPE), BASIS).min() > 0
