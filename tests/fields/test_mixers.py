"""Each mixer keeps the contract of mixers."""

import pytest
import torch

from xct4d.config import Mixing
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.mixers.registry import MIXERS
from xct4d.testing.mixers import POINTS, MixerTests, TrainedMixerTests


class TestConstant(MixerTests):
    settings = Mixing(method="constant", alpha=0.3)


class TestTemporal(MixerTests):
    settings = Mixing(method="temporal")


class TestSmoothStep(MixerTests):
    settings = Mixing(method="smoothstep")


class TestTrainedConstant(TrainedMixerTests):
    settings = Mixing(method="trained_constant", alpha=0.3)

    def test_it_begins_with_the_constant(self):
        assert self.mixer()(POINTS, 0.7).tolist() == pytest.approx([0.3] * len(POINTS))


class TestTrainedTemporal(TrainedMixerTests):
    settings = Mixing(method="trained_temporal", modes=5)

    def test_it_begins_with_t_and_keeps_the_scans_at_their_times(self):
        assert self.mixer()(POINTS, 0.7).tolist() == pytest.approx([0.7] * len(POINTS))
        assert [float(self.trained()(POINTS[:1], t).detach()) for t in (0.0, 1.0)] == [0.0, 1.0]


class TestTrainedSmoothStep(TrainedMixerTests):
    settings = Mixing(method="trained_smoothstep")

    def test_it_begins_as_steep_as_the_smooth_step_in_the_middle(self):
        values = [float(self.mixer()(POINTS[:1], t).detach()) for t in (0.49, 0.5, 0.51)]
        assert values[1] == 0.5
        assert (values[2] - values[0]) / 0.02 == pytest.approx(1.5, rel=1e-3)  # of 3t^2 - 2t^3

    def test_it_has_a_centre_and_a_width(self):
        mixer = self.mixer()
        with torch.no_grad():
            mixer.centre_logit.copy_(torch.logit(torch.tensor(0.2)))
            mixer.log_width.fill_(-3.0)
        assert float(mixer(POINTS[:1], 0.2).detach()) == pytest.approx(0.5)
        assert [round(float(mixer(POINTS[:1], t).detach()), 3) for t in (0.0, 0.15, 0.25, 1.0)] == [0.0, 0.001, 0.997, 1.0]


class TestAnnealedTemporal(TrainedMixerTests):
    settings = Mixing(method="annealed_temporal", modes=5, initial_slope=0.5, final_slope=3.0)

    def test_its_slope_runs_from_the_initial_to_the_final_one(self):
        mixer, logits = self.mixer(), []
        for part in (0.0, 0.5, 1.0):
            mixer.trained_so_far(part)
            logits.append(float(torch.logit(mixer(POINTS[:1], 0.7)).detach()))
        assert logits == pytest.approx([slope * float(torch.logit(torch.tensor(0.7))) for slope in (0.5, 1.75, 3.0)], rel=1e-5)


class TestSpline(TrainedMixerTests):
    settings = Mixing(method="spline", resolution=6, modes=5)


def test_every_mixer_is_among_them():
    fixed = (TestConstant, TestTemporal, TestSmoothStep)
    trained = (TestTrainedConstant, TestTrainedTemporal, TestTrainedSmoothStep, TestAnnealedTemporal, TestSpline)
    suites = {suite.settings.method: suite for suite in (*fixed, *trained)}
    assert {suite.settings.is_trained for suite in trained} == {True}
    assert {suite.settings.is_trained for suite in fixed} == {False}
    assert {method: issubclass(suite, TrainedMixerTests) for method, suite in suites.items()} == {
        method: issubclass(mixer, TrainedMixer) for method, mixer in MIXERS.items()
    }
