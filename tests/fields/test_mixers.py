"""Each mixer keeps the contract of mixers."""

from xct4d.config import Mixing
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.mixers.registry import MIXERS
from xct4d.testing.mixers import MixerTests, TrainedMixerTests


class TestConstant(MixerTests):
    settings = Mixing(method="constant", alpha=0.3)


class TestTemporal(MixerTests):
    settings = Mixing(method="temporal")


class TestSmoothStep(MixerTests):
    settings = Mixing(method="smoothstep")


class TestSpline(TrainedMixerTests):
    settings = Mixing(method="spline", resolution=6, modes=5)


def test_every_mixer_is_among_them():
    suites = {suite.settings.method: suite for suite in (TestConstant, TestTemporal, TestSmoothStep, TestSpline)}
    assert {method: issubclass(suite, TrainedMixerTests) for method, suite in suites.items()} == {
        method: issubclass(mixer, TrainedMixer) for method, mixer in MIXERS.items()
    }
