"""The training loop's parts: schedule, losses, checkpoints, time points."""

import json

import numpy as np
import pytest
import torch
from small_frames import frames_at

from xct4d.config import Decay, FlatField
from xct4d.errors import InputError
from xct4d.report import plots
from xct4d.training.checkpoint import Checkpoint
from xct4d.training.history import History
from xct4d.training.losses.correlation import correlation_loss
from xct4d.training.optimizer import Adam
from xct4d.training.rays import time_points
from xct4d.training.schedule import LearningRate, flat_field_rate


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


def test_correlation_loss():
    a = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert float(correlation_loss(a, 3 * a + 2)) == pytest.approx(0, abs=1e-6)
    assert float(correlation_loss(a, -a)) == pytest.approx(2, abs=1e-6)
    b = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    assert float(correlation_loss(a, b)) == pytest.approx(1 - np.corrcoef(a, b)[0, 1], abs=1e-5)
    assert float(correlation_loss(a, torch.ones(1000))) == pytest.approx(1)


@pytest.mark.parametrize("constant", ["first", "second", "both"])
def test_correlation_with_a_constant_has_a_gradient(constant):
    """An untrained field is constant, and so is a volume of air: one NaN would spoil every weight."""
    a = torch.ones(100) if constant in ("first", "both") else torch.arange(100.0)
    b = torch.ones(100) if constant in ("second", "both") else torch.arange(100.0)
    a.requires_grad_(True)
    correlation_loss(a, b).backward()
    assert a.grad.isfinite().all()


def test_a_step_leaves_no_gradients_not_even_of_a_group_that_stands_still():
    moving, still = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(3))
    adam = Adam({"field": {"x": moving}, "flat_field": {"f": still}})
    (moving + still).sum().backward()
    adam.step(1, {"field": 0.1, "flat_field": 0.0})
    assert moving.grad is None
    assert still.grad is None
    assert (moving < 0).all()
    assert (still == 0).all()


def test_a_history_is_json_also_where_a_score_is_none(tmp_path):
    """Images smaller than its window have no SSIM, equal ones no finite PSNR."""
    History([0], {"loss": [0.1]}, {"held_out_ssim": [(0, float("nan"))], "held_out_psnr": [(0, float("inf"))]}).save(
        tmp_path / "history.json"
    )

    def refused(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "history.json").read_text(), parse_constant=refused)
    assert read == {"step": [0], "loss": [0.1], "held_out_ssim": [[0, None]], "held_out_psnr": [[0, None]]}
    plots.training_curves(tmp_path / "training.png", {"canonical forward": read})


def test_a_checkpoint_gives_back_what_it_took(tmp_path):
    parameter = torch.nn.Parameter(torch.zeros(50))
    adam = Adam({"field": {"x": parameter}})
    for step in (1, 2, 3):
        (parameter - 1).square().sum().backward()
        adam.step(step, {"field": 0.1})
    stored = Checkpoint(tmp_path / "c", {"steps": 9})
    stored.save(3, adam.tensors(), {"step": [0]})
    fresh = torch.nn.Parameter(torch.full((50,), 7.0))
    other = Adam({"field": {"x": fresh}})
    step, tensors, history = stored.load()
    other.restore(tensors)
    assert (step, history) == (3, {"step": [0]})
    for a, p in ((adam, parameter), (other, fresh)):
        (p - 1).square().sum().backward()
        a.step(4, {"field": 0.1})
    assert torch.equal(parameter, fresh)


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path, capsys):
    Checkpoint(tmp_path / "c", {"steps": 9}).save(3, {"x": torch.zeros(2)}, {})
    assert Checkpoint(tmp_path / "c", {"steps": 10}).load() is None
    assert capsys.readouterr().err == f"{tmp_path / 'c'}: is of other settings or other inputs; training begins anew\n"
    assert Checkpoint(tmp_path / "c", {"steps": 9}).load() is not None


@pytest.fixture
def sound(tmp_path):
    """A checkpoint and its bytes."""
    stored = Checkpoint(tmp_path / "c", {})
    stored.save(3, {"x": torch.arange(20.0)}, {"step": [0]})
    return stored, stored.path.read_bytes()


def refused(stored, content, capsys):
    stored.path.write_bytes(content)
    found = stored.load()
    return found is None and capsys.readouterr().err == f"{stored.path}: is damaged; training begins anew\n"


def test_no_bit_of_a_checkpoint_may_be_another(sound, capsys):
    stored, content = sound
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        assert refused(stored, flipped, capsys), place
    stored.path.write_bytes(content)
    assert stored.load()[0] == 3


@pytest.mark.parametrize("length", [0, 1, 31, 32, 40, 100, -1])
def test_a_checkpoint_cut_short_is_not_resumed(sound, capsys, length):
    stored, content = sound
    assert refused(stored, content[:length], capsys)


def test_a_checkpoint_of_another_kind_or_none_is_not_resumed(sound, capsys):
    stored, content = sound
    assert refused(stored, bytes(len(content)), capsys)
    assert refused(stored, content + b"more", capsys)
    assert refused(stored, content[32:], capsys)  # a plain safetensors file
    stored.path.unlink()
    assert stored.load() is None
    assert capsys.readouterr().err == ""
    stored.path.mkdir()
    assert stored.load() is None
    assert "cannot be read (Is a directory); training begins anew" in capsys.readouterr().err


def test_time_points_group_by_time_and_leave_out_what_is_held_out():
    frames = frames_at([0.5, 0.25, 0.5, 0.5], held_out=[3])
    found = time_points([frames])
    assert [(m.mean_time, m.frames.tolist()) for m in found] == [(0.25, [1]), (0.5, [0, 2])]
    assert [m.frames.tolist() for m in time_points([frames], held_out=True)] == [[3]]


def test_at_most_so_many_projections_of_a_time_point():
    (time_point,) = time_points([frames_at([0.0] * 16)], at_most=4)
    assert time_point.frames.tolist() == [0, 5, 10, 15]


def test_nothing_to_train_on_is_said():
    with pytest.raises(InputError, match="no projection is left"):
        time_points([frames_at([0.0, 0.0], held_out=[0, 1])])
