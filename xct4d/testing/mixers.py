"""What every mixer must do. A mixer's tests inherit `MixerTests`, those of one that is trained `TrainedMixerTests`.

class TestMyMixer(MixerTests):
    settings = Mixing(method="mine")
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch

from xct4d.config import Mixing
from xct4d.errors import InputError
from xct4d.fields.mixers.base import Mixer, TrainedMixer
from xct4d.fields.mixers.registry import MIXERS

POINTS = torch.rand(300, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
TIMES = (0.0, 0.3, 0.5, 1.0)


class MixerTests:
    """The contract of `xct4d.fields.mixers.base.Mixer`."""

    settings: ClassVar[Mixing]  # `method` names the mixer in the registry

    def mixer(self) -> Mixer:
        return MIXERS[self.settings.method].from_settings(self.settings)

    @pytest.mark.parametrize("t", TIMES)
    def test_it_gives_each_point_a_weight_between_0_and_1(self, t):
        alpha = self.mixer()(POINTS, t)
        assert alpha.shape == (len(POINTS),)
        assert alpha.dtype == torch.float32
        assert ((alpha >= 0) & (alpha <= 1)).all()

    @pytest.mark.parametrize("t", TIMES)
    def test_a_point_has_the_same_weight_whatever_points_are_beside_it(self, t):
        mixer = self.mixer()
        assert torch.equal(mixer(POINTS, t)[::7], mixer(POINTS[::7], t))

    def test_no_points_give_no_weights(self):
        assert self.mixer()(POINTS[:0], 0.5).shape == (0,)

    def test_it_leaves_the_points_as_they_are(self):
        points = POINTS.clone()
        self.mixer()(points, 0.5)
        assert torch.equal(points, POINTS)


class TrainedMixerTests(MixerTests):
    """The contract of `xct4d.fields.mixers.base.TrainedMixer`."""

    def trained(self) -> TrainedMixer:
        """A mixer whose parameters are not those it starts from."""
        mixer, random = self.mixer(), torch.Generator().manual_seed(1)
        assert isinstance(mixer, TrainedMixer)
        with torch.no_grad():
            for parameter in mixer.parameters():
                parameter += torch.randn(parameter.shape, generator=random)
        return mixer

    def test_training_reaches_every_parameter(self):
        mixer = self.trained()
        mixer(POINTS, 0.5).square().mean().backward()
        parameters = list(mixer.parameters())
        assert parameters
        assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in parameters)

    @pytest.mark.parametrize("t", [0.0, 0.3, 0.8, 1.0])
    def test_its_gradient_is_that_of_differences(self, t):
        """Along a random direction of all parameters; at the scans' own times it is finite."""
        mixer, random = self.trained(), torch.Generator().manual_seed(2)
        weights = torch.rand(len(POINTS), generator=random, dtype=torch.float64)
        along = [torch.randn(parameter.shape, generator=random) for parameter in mixer.parameters()]

        def value(step: float) -> torch.Tensor:
            with torch.no_grad():
                for parameter, direction in zip(mixer.parameters(), along, strict=True):
                    parameter += step * direction
            return (weights * mixer(POINTS, t)).sum()

        total = value(0.0)
        slope = 0.0
        if total.requires_grad:
            total.backward()
            slope = sum(float((p.grad * d).sum()) for p, d in zip(mixer.parameters(), along, strict=True) if p.grad is not None)
        ahead, behind = value(0.01), value(-0.02)
        assert float((ahead - behind).detach()) / 0.02 == pytest.approx(slope, rel=1e-2, abs=1e-4)

    def test_a_weight_stays_between_0_and_1_after_training(self):
        for t in TIMES:
            alpha = self.trained()(POINTS, t)
            assert ((alpha >= 0) & (alpha <= 1)).all()

    def test_it_is_read_back_as_it_was_saved(self, tmp_path):
        mixer = self.trained()
        mixer.save(tmp_path / "field.safetensors")
        again = type(mixer).load(tmp_path / "field.safetensors")
        assert not torch.equal(mixer(POINTS, 0.5), self.mixer()(POINTS, 0.5))
        assert torch.equal(mixer(POINTS, 0.5), again(POINTS, 0.5))

    @pytest.mark.parametrize("content", [None, b"", b"not a field"], ids=["missing", "empty", "another file"])
    def test_a_file_that_holds_no_mixer_is_one_line(self, tmp_path, content):
        path: Path = tmp_path / "field.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=r"field\.safetensors") as caught:
            type(self.trained()).load(path)
        assert "\n" not in str(caught.value)
