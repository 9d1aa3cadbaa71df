"""Checkpoints: what was stored comes back, and what is not sound is refused."""

import pytest
import torch

from xct4d.io.checkpoint import Checkpoint
from xct4d.training.loop.optimizer import Adam


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
