"""The training loop."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.device import Fetched
from xct4d.errors import InputError
from xct4d.io.checkpoint import Checkpoint
from xct4d.io.history import History
from xct4d.progress import say, track
from xct4d.training.inspection.configuration import write_configuration
from xct4d.training.loop.accumulation import AccumulatedGradients
from xct4d.training.loop.optimizer import Adam
from xct4d.training.loop.prefetch import Prefetch
from xct4d.training.loop.task import TrainingTask
from xct4d.training.losses.term import total_loss
from xct4d.training.sampling.micro_batch import MicroBatch

RECORD_EVERY = 10  # steps between points of the recorded curves
FIGURES = 20  # points of the curves of a task's own figures
DIFFERENCE = 2.0  # by which differences of transmission are multiplied in images


@dataclass(frozen=True)
class Run:
    """The settings of a training that are the same for all tasks: where and how often it stores and compares."""

    checkpoint: Checkpoint
    checkpoint_every: int  # steps
    compare_every: int  # steps between comparisons with held-out projections
    board: Path  # folder of TensorBoard's event files
    micro_batches: int = 1  # into which a step is divided, so that it fits the memory
    configuration: Mapping[str, Any] = field(default_factory=dict)  # of plain values, which TensorBoard shows


def train(task: TrainingTask, run: Run) -> History:
    """Train to the last step, from the checkpoint where there is one.

    The checkpoint of the last step stays: where Snakemake was killed before it
    noted the end of a job, it starts the job again, which then trains no step.
    Raises InputError where the loss is no longer finite.
    """
    optimizer = Adam({group.name: group.parameters for group in task.groups})
    done, history = _resume(task, run, optimizer)
    gradients = AccumulatedGradients(task.title, DrawnLosses(task), optimizer, run.micro_batches)
    with SummaryWriter(str(run.board), purge_step=done) as board, track(task.title, task.steps, done) as progress:
        write_configuration(board, run.configuration, done)
        curves = Curves(task, history, board)
        figures_every = max(task.steps // FIGURES, 1)
        for step in range(done, task.steps):
            terms = gradients.of(step)
            rates = {group.name: group.rate(step) for group in task.groups}
            optimizer.step(step + 1, rates)
            last = step + 1 == task.steps
            recorded = step % RECORD_EVERY == 0 or last
            compared = (step + 1) % run.compare_every == 0 or last
            stored = (step + 1) % run.checkpoint_every == 0 or last
            if recorded or compared or stored:
                curves.write()
            if recorded:
                curves.record(step, terms, rates)
            if compared or stored:
                curves.write()
            if step % figures_every == 0 or last:
                curves.figures(step)
            if compared:
                curves.compare(step)
            if stored:
                run.checkpoint.save(step + 1, optimizer.tensors() | dict(task.buffers), history.to_json())
            progress.advance(note=curves.take_note())
    return history


def _resume(task: TrainingTask, run: Run, optimizer: Adam) -> tuple[int, History]:
    """(steps done, curves so far) of the checkpoint, whose tensors are put in place; (0, empty) where there is none."""
    found = run.checkpoint.load()
    if found is None:
        shutil.rmtree(run.board, ignore_errors=True)  # curves of an older run
        return 0, History()
    done, tensors, record = found
    optimizer.restore(tensors)
    for name, buffer in task.buffers.items():
        buffer.copy_(tensors[name])
    say(f"{task.title}: goes on from step {done}" if done < task.steps else f"{task.title}: was trained to the end before")
    return done, History.from_json(record)


class DrawnLosses:
    """The loss of a task and its terms, each for what the task draws for a micro-batch."""

    def __init__(self, task: TrainingTask):
        self._terms = task.terms
        self._draws = Prefetch(task.draw, task.steps, task.device)

    def __call__(self, micro_batch: MicroBatch) -> dict[str, Tensor]:
        return total_loss(self._terms, self._draws.take(micro_batch)())


@dataclass(frozen=True)
class Record:
    """Terms and learning rates of a step, the terms still on their way to the host."""

    step: int
    names: list[str]
    values: Fetched
    rates: dict[str, float]


class Curves:
    """Puts terms, learning rates and comparisons into the history and TensorBoard.

    A recorded step is written some steps later, so that a GPU goes on while the
    host waits for its values.
    """

    def __init__(self, task: TrainingTask, history: History, board: SummaryWriter):
        self._task, self._history, self._board = task, history, board
        self._record: Record | None = None
        self._note = ""
        self._recorded: tuple[int, float] | None = None  # the last recorded step, and when

    def record(self, step: int, terms: dict[str, Tensor], rates: dict[str, float]) -> None:
        """Keep a step's terms until they are written."""
        self._record = Record(step, list(terms), Fetched(torch.stack(list(terms.values()))), rates)
        now = time.monotonic()
        if self._recorded is not None and now > self._recorded[1]:
            since, before = self._recorded
            self._board.add_scalar("speed/rays_per_second", self._task.rays * (step - since) / (now - before), step)
        self._recorded = (step, now)

    def write(self) -> None:
        """Write the recorded step, if there is one. Raises InputError where its loss is not finite."""
        if self._record is None:
            return
        record, self._record = self._record, None
        values = dict(zip(record.names, record.values.read().tolist(), strict=True))
        if not np.isfinite(values["loss"]):
            what = f"{self._task.title}: the loss is {values['loss']} at step {record.step}"
            raise InputError(what, where=self._task.rate_key, fix="lower the learning rate")
        values |= {f"learning_rate_{group}" if group != "field" else "learning_rate": rate for group, rate in record.rates.items()}
        self._history.step.append(record.step)
        for name, value in values.items():
            self._history.terms.setdefault(name, []).append(value)
            self._board.add_scalar(f"training/{name}", value, record.step)
        self._note = f"loss {values['loss']:.2e}"

    def take_note(self) -> str:
        """The loss that was written since the last call, for the progress line; empty where none was."""
        note, self._note = self._note, ""
        return note

    def figures(self, step: int) -> None:
        """The task's own figures."""
        for name, value in self._task.figures().items():
            self._board.add_scalar(name, value, step)

    def compare(self, step: int) -> None:
        """Scores and images of the held-out projections, and what the task itself shows."""
        comparisons = self._task.compare()
        if comparisons:
            for name, value in (("psnr", np.mean([c.psnr for c in comparisons])), ("ssim", np.mean([c.ssim for c in comparisons]))):
                self._history.held_out.setdefault(f"held_out_{name}", []).append((step, float(value)))
                self._board.add_scalar(f"held_out/{name}", float(value), step)
            for c in comparisons:
                pair = np.concatenate([c.measured, c.predicted], 1).clip(0, 1)
                self._board.add_image(f"held_out/{c.name}", pair[None], step)
                difference = 0.5 + DIFFERENCE * (c.predicted - c.measured)
                self._board.add_image(f"difference/{c.name}", difference.clip(0, 1)[None], step)
        self._task.inspect(self._board, step)
