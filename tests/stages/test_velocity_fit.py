"""A level that is fitted to all pixels from the registration: what TensorBoard shows of it, also after a kill."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from squeezed_balls import make_outputs, thing
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xct4d.config import Level, Velocity
from xct4d.directions import SCAN_TIME, STATES
from xct4d.fields.velocity import VelocityField
from xct4d.motion import path
from xct4d.motion.sequence import Fineness
from xct4d.stages.velocity import velocity

SHIFT = np.array([0.1, 0.0, 0.0], np.float32)
LEVELS = [Level(resolution=n, steps=1, learning_rate=0.01) for n in (6, 15)]
ROUNDS, STEPS = 2, 3
CURVES = {"correlation/t0", "correlation/t1", "directions/correlation", "directions/mean_squared_difference"}
CURVES |= {"displacement/mean", "displacement/largest", "flat_field/t0", "flat_field/t0.5", "flat_field/t1"}


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    """Prepared projections and canonicals of balls that are shifted, and a registration that found half of it."""
    folder = tmp_path_factory.mktemp("fit")
    make_outputs(folder, thing({"type": "rigid", "displacements": (-SHIFT).tolist()}))
    field = VelocityField(15, 6, longest_step=0.1, solver="midpoint")
    with torch.no_grad():
        field.control += torch.from_numpy(SHIFT / 2)
    (folder / "registration").mkdir()
    field.save(folder / "registration" / "field.safetensors")
    (folder / "registration" / "registration.json").write_text(
        json.dumps({"lost": False, "sequence_residual": 0.25, "texture_residual": 0.5})
    )
    return folder


@pytest.fixture(autouse=True)
def _few_steps_on_coarse_grids(monkeypatch):
    monkeypatch.setattr(path, "ROUNDS", ROUNDS)
    monkeypatch.setattr(path, "STEPS", STEPS)
    monkeypatch.setattr(path, "EXPLAINED", 0.0)  # images so coarse do not tell half of the motion from all of it
    monkeypatch.setattr(path, "fineness", lambda _: Fineness(grid=12, voxels=24, blur=0.04, pixel=0.05, scan_blur=0.04))
    monkeypatch.setattr("xct4d.training.inspection.motion.VOXELS", 8)


def fit(folder, level, output):
    velocity(
        Velocity(levels=LEVELS, ode_step=0.2), level, {state: folder / "prepared" / state for state in STATES},
        {direction: folder / "canonical" / direction for direction in SCAN_TIME}, None,
        output / "out", output / "checkpoint", output / "board", registration=folder / "registration",
    )  # fmt: skip
    accumulator = EventAccumulator(str(output / "board"))
    accumulator.Reload()
    return accumulator


def steps(board, name):
    return [event.step for event in board.Scalars(name)]


def test_a_fitted_level_has_a_point_for_each_of_its_steps(registered, tmp_path):
    board = fit(registered, LEVELS[1], tmp_path)
    count = ROUNDS * STEPS
    assert set(board.Tags()["scalars"]) >= CURVES | {"training/cost", "training/loss", "training/projection"}
    assert set(board.Tags()["images"]) == {"slices", "directions/difference", "displacement"}
    assert "configuration/text_summary" in board.Tags()["tensors"]
    assert sorted(set(steps(board, "correlation/t1"))) == list(range(count + 1))
    assert steps(board, "training/cost") == list(range(1, count + 1))
    assert steps(board, "training/loss") == [0, STEPS, count]
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    assert [event.value for event in board.Scalars("training/loss")] == pytest.approx(history["loss"])
    agreed = [event.value for event in board.Scalars("correlation/t1")]
    assert agreed[-1] > agreed[0] + 0.01
    # it began with half of the motion, and what the curve ends with is the field that is stored
    moved = [event.value for event in board.Scalars("displacement/mean")]
    assert moved[0] == pytest.approx(0.05, abs=0.002)
    assert abs(moved[-1] - 0.1) < abs(moved[0] - 0.1)


def test_a_registered_motion_that_explains_the_sequence_stays(registered, tmp_path, monkeypatch):
    monkeypatch.setattr(path, "EXPLAINED", 10.0)
    board = fit(registered, LEVELS[1], tmp_path)
    assert steps(board, "training/loss") == [0]
    fields = [VelocityField.load(folder / "field.safetensors").control for folder in (registered / "registration", tmp_path / "out")]
    assert torch.allclose(*fields, atol=1e-6)


def test_a_level_coarser_than_the_registration_shows_that_one(registered, tmp_path):
    board = fit(registered, LEVELS[0], tmp_path)
    assert steps(board, "displacement/mean") == [0]
    assert board.Scalars("training/loss")[0].value == 0.25
    assert "displacement" in board.Tags()["images"]


@pytest.mark.parametrize(("underfitted", "rounds_done"), [(path.UNDERFITTED, 1), (0.0, 2)], ids=["second round", "third round"])
def test_a_killed_fit_goes_on_with_its_curves(registered, tmp_path, monkeypatch, underfitted, rounds_done):
    monkeypatch.setattr(path, "UNDERFITTED", underfitted)  # at 0 a third round follows, with other weights
    monkeypatch.setattr(path, "ROUNDS", rounds_done + 1)
    undisturbed = fit(registered, LEVELS[1], tmp_path / "whole")
    fitted, rounds = path.SequenceFit.fitted, []

    def killed(self, *arguments, **keywords):
        rounds.append(1)
        if len(rounds) > rounds_done:
            raise KeyboardInterrupt
        return fitted(self, *arguments, **keywords)

    monkeypatch.setattr(path.SequenceFit, "fitted", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(registered, LEVELS[1], tmp_path / "killed")
    monkeypatch.setattr(path.SequenceFit, "fitted", fitted)
    board = fit(registered, LEVELS[1], tmp_path / "killed")
    files = [tmp_path / name / "out" / "field.safetensors" for name in ("whole", "killed")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads((tmp_path / "killed" / "out" / "history.json").read_text())["data_weight"][-1] == (1.0 if underfitted else 3.0)
    for name in ("training/cost", "correlation/t1"):
        assert [(e.step, e.value) for e in board.Scalars(name)] == [(e.step, e.value) for e in undisturbed.Scalars(name)]
