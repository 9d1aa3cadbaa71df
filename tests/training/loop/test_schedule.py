"""Learning rates over the steps of a training."""

import numpy as np
import pytest

from xct4d.config import Decay, FlatField
from xct4d.training.loop.schedule import LearningRate, flat_field_rate


def test_the_learning_rate_rises_stays_and_decays():
    schedule = Decay(final=1e-4, warmup=0.1, steady=0.5)
    rates = list(map(LearningRate(schedule, 1e-2, 100), range(100)))
    assert rates[0] == pytest.approx(1e-3)
    assert np.all(np.diff(rates[:10]) > 0)
    assert rates[10:50] == [1e-2] * 40
    assert rates[-1] == pytest.approx(1e-4)
    assert np.allclose(np.diff(np.log(rates[49:])), np.log(1e-2) / 50)  # a factor 100 over the last half
    assert LearningRate(Decay(final=1e-2), 1e-3, 100)(99) == 1e-3  # it never rises


def test_the_flat_field_s_rate_follows_the_field_s():
    field = LearningRate(Decay(), 5e-3, 100)
    assert flat_field_rate(field, FlatField(learning_rate=1e-3))(90) / 1e-3 == pytest.approx(field(90) / 5e-3)
    assert flat_field_rate(field, FlatField(train=False))(3) == 0
