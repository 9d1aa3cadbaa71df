"""The canonical stage: what its loss holds, what its checkpoint depends on, what is said where it diverges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ball_projections import save

from xct4d.config import Canonical, FlatField, HashGrid
from xct4d.errors import InputError
from xct4d.stages import canonical as stage

GRID = HashGrid(levels=2, log2_size=8, coarsest=4, finest=16, width=8)
SMALL = {"steps": 21, "rays": 32, "samples": 8, "grid": GRID, "bake": 8}


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return save(tmp_path_factory.mktemp("canonical") / "prepared", times=[0.0, 0.0], held_out=[False, True])


def train(frames, folder, volume=None, **settings):
    stage.canonical(Canonical(**SMALL | settings), frames, folder / "out", folder / "checkpoint", folder / "board", volume=volume)
    return json.loads((folder / "out" / "history.json").read_text())


@pytest.mark.parametrize("trained", [False, True])
def test_the_flat_field_costs_only_where_it_is_trained(frames, tmp_path, trained):
    history = train(frames, tmp_path, flat_field=FlatField(train=trained, penalty=7.0))
    assert ("flat_field" in history) == trained
    penalty = 7 * np.array(history.get("flat_field", 0.0))
    assert np.allclose(history["loss"], history["projection"] + penalty, rtol=1e-6)


def test_a_checkpoint_belongs_to_what_the_result_depends_on(frames, tmp_path, monkeypatch):
    digests = []

    class Recorded(stage.Checkpoint):
        def __init__(self, path, fingerprint):
            super().__init__(path, fingerprint)
            if "settings" in fingerprint:  # not that of the reconstruction
                digests.append(self._digest)

    monkeypatch.setattr(stage, "Checkpoint", Recorded)
    zeros, ones = np.zeros((8, 8, 8), np.float32), np.ones((8, 8, 8), np.float32)
    for volume, weight in ((zeros, 0.1), (ones, 0.1), (zeros, 0.0), (ones, 0.0)):
        train(frames, tmp_path, volume, steps=1, volume_weight=weight)
    assert digests[0] != digests[1]
    assert digests[2] == digests[3]  # a volume that counts nothing changes nothing
    train(frames, tmp_path, zeros, steps=1, volume_weight=0.1, checkpoint_every=7)
    assert digests[4] == digests[0]  # after a time-out one may want to save more often


def test_a_loss_that_diverges_is_one_line_with_the_key(frames, tmp_path):
    with pytest.raises(
        InputError, match=r"^canonical\.schedule\.learning_rate: canonical: the loss is \S+ at step \d+; lower the learning rate$"
    ):
        train(frames, tmp_path, np.full((8, 8, 8), np.nan, np.float32), volume_weight=0.1)
    assert not (tmp_path / "out").exists()
