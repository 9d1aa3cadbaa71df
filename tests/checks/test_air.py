"""The plateau of air in images."""

import numpy as np
import pytest

from xct4d.checks.air import plateau


def image(air, *, part=0.3, noise=0.0, seed=0):
    """Counts of a sample that lets 10 to 80 % through, beside air."""
    random = np.random.default_rng(seed)
    values = air * random.uniform(0.1, 0.8, (200, 200))
    values[:, : int(200 * part)] = air
    return values * (1 + noise * random.standard_normal(values.shape))


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.04])
@pytest.mark.parametrize("part", [0.1, 0.9])
def test_air_is_found(noise, part):
    assert plateau(image(50000, part=part, noise=noise)) == pytest.approx(50000, rel=0.01)


def test_zingers_are_not_air():
    values = image(50000)
    values[50:53, 50:60] = 65535  # less than a part in a thousand
    assert plateau(values) == pytest.approx(50000, rel=0.01)


def test_without_air_there_is_no_plateau():
    random = np.random.default_rng(0)
    assert plateau(random.exponential(1000, 10000)) is None
    assert plateau(np.zeros((10, 10))) is None
    assert plateau(np.array([])) is None
