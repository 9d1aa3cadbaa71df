"""A task that is none of the program's: the loop trains it without knowing it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xct4d.io.checkpoint import Checkpoint
from xct4d.training.loop.parameters import ParameterGroup
from xct4d.training.loop.run import Run, train
from xct4d.training.loop.schedule import not_trained
from xct4d.training.loop.task import TrainingTask
from xct4d.training.losses.term import Term, total_loss
from xct4d.training.sampling.micro_batch import MicroBatch

TRUE = torch.tensor([1.0, -2.0, 0.5])


class Points:
    """Random points of a micro-batch and the values that a linear field has there."""

    def __init__(self, rng: np.random.Generator, count: int):
        self.x = torch.from_numpy(rng.normal(size=(count, 3)).astype(np.float32))
        self.value = self.x @ TRUE


class LinearTask(TrainingTask[Points]):
    title, rate_key, steps, rays, device = "linear", "linear.rate", 40, 64, torch.device("cpu")

    def __init__(self):
        self.slope = torch.nn.Parameter(torch.zeros(3))
        self.looks = 0
        self.groups = [ParameterGroup("field", {"slope": self.slope}, lambda step: 0.1)]
        self.terms = [Term("error", 1.0, lambda drawn: (drawn.x @ self.slope - drawn.value).square().mean())]

    def draw(self, micro_batch: MicroBatch):
        drawn = Points(micro_batch.random(3, "linear"), micro_batch.part_of(64))
        return lambda: drawn

    def compare(self):
        return []

    def figures(self):
        return {"slope": float(self.slope.detach()[0])}

    def inspect(self, board, step):
        self.looks += 1


class BiasedTask(LinearTask):
    """One term and one group of parameters more."""

    def __init__(self):
        super().__init__()
        self.offset = torch.nn.Parameter(torch.full((), 2.0))
        self.terms.append(Term("offset", 0.5, lambda drawn: self.offset.square()))
        self.groups.append(ParameterGroup("camera", {"offset": self.offset}, lambda step: 0.05))


def run(folder, **changes):
    return Run(
        Checkpoint(folder / "checkpoint", {}), **{"checkpoint_every": 1000, "compare_every": 15, "board": folder / "board"} | changes
    )


def test_a_term_and_a_group_are_added_by_naming_them(tmp_path):
    task = BiasedTask()
    history = train(task, run(tmp_path))
    assert history.step == [0, 10, 20, 30, 39]
    terms = history.terms
    assert terms["loss"] == pytest.approx([error + 0.5 * offset for error, offset in zip(terms["error"], terms["offset"], strict=True)])
    assert terms["learning_rate"] == [0.1] * 5
    assert terms["learning_rate_camera"] == [0.05] * 5
    assert abs(float(task.offset.detach())) < 1
    assert terms["error"][-1] < 0.1 * terms["error"][0]
    assert task.looks == 3  # after 15 and 30 steps, and at the end


def test_a_group_that_is_not_trained_stays_as_it_is(tmp_path):
    task = BiasedTask()
    task.groups[1] = ParameterGroup("camera", {"offset": task.offset}, not_trained)
    train(task, run(tmp_path))
    assert float(task.offset.detach()) == 2.0


class Killed(Exception):
    pass


class KilledTask(BiasedTask):
    def inspect(self, board, step):
        if step == 29:
            raise Killed


def test_a_killed_training_goes_on_bit_for_bit_with_groups_of_its_own(tmp_path):
    whole = BiasedTask()
    undisturbed = train(whole, run(tmp_path / "a"))
    with pytest.raises(Killed):
        train(KilledTask(), run(tmp_path / "b", checkpoint_every=10))
    resumed = BiasedTask()
    history = train(resumed, run(tmp_path / "b", checkpoint_every=10))
    assert torch.equal(whole.slope, resumed.slope)
    assert torch.equal(whole.offset, resumed.offset)
    assert history == undisturbed


class FinishedTask(BiasedTask):
    def draw(self, micro_batch):
        raise AssertionError("trains again")


def test_a_finished_training_is_not_done_again(tmp_path, capsys):
    """Whoever wanted its result may have died before taking note of it."""
    first, again = BiasedTask(), FinishedTask()
    undisturbed = train(first, run(tmp_path))
    history = train(again, run(tmp_path))
    assert torch.equal(first.slope, again.slope)
    assert torch.equal(first.offset, again.offset)
    assert history.to_json() == undisturbed.to_json()
    assert "was trained to the end before" in capsys.readouterr().err


def test_terms_are_summed_in_their_order_with_their_weights():
    terms = [Term("a", 1.0, lambda x: x), Term("b", 10.0, lambda x: 2 * x)]
    values = total_loss(terms, torch.tensor(3.0))
    assert list(values) == ["loss", "a", "b"]
    assert [float(value) for value in values.values()] == [63, 3, 6]
