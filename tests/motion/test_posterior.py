"""Samples of the motion's posterior distribution."""

from __future__ import annotations

import numpy as np
from squeezed_balls import SQUEEZED, sequence, thing

from xct4d.motion.posterior import BENDING_WEIGHT, Posterior
from xct4d.motion.sequence import Fineness, SequenceFit

SHAPE = (4, 6, 6, 6, 3)
LOOK = Fineness(12, 32, 0.08, 0.07, 0.08)


def fit_of(noise: float) -> SequenceFit:
    """Of a thing at rest, whose scans have noise of this part of their largest attenuation."""
    truth, random = thing(SQUEEZED), np.random.default_rng(1)
    still = truth.volume(32, 0.0)
    scans = [still + noise * still.max() * random.standard_normal(still.shape) for _ in range(2)]
    return SequenceFit(scans, sequence(truth, (0.001, 0.002)), np.zeros(SHAPE), "attenuation", LOOK, bending_weight=BENDING_WEIGHT)


def test_a_seed_gives_one_sample_and_another_seed_another():
    one, again, other = (Posterior(fit_of(0.1), SHAPE).sample(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)


def test_noisier_data_leave_more_open():
    def spread(noise: float) -> float:
        posterior = Posterior(fit_of(noise), SHAPE)
        return float(np.sqrt(np.mean([posterior.sample(np.random.default_rng(k)) ** 2 for k in range(2)])))

    assert spread(0.2) > 1.2 * spread(0.01)
