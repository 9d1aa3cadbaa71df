"""The training loop that the three training stages share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from xct4d.device import Fetched
from xct4d.errors import InputError
from xct4d.fields import planes
from xct4d.io import strict_json
from xct4d.progress import say, track
from xct4d.training.checkpoint import Checkpoint
from xct4d.training.held_out import Comparison
from xct4d.training.optimizer import Adam
from xct4d.training.shares import Gradients, Share

RECORD_EVERY = 10  # steps between points of the recorded curves


@dataclass
class History:
    """Curves of a training run. Free of clocks, so equal runs write equal files."""

    step: list[int] = field(default_factory=list)
    terms: dict[str, list[float]] = field(default_factory=dict)  # loss and its parts, learning rates
    held_out: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # held_out_psnr, held_out_ssim: (step, mean)

    def to_json(self) -> dict:
        return {"step": self.step, **self.terms, **self.held_out}

    @classmethod
    def from_json(cls, record: dict) -> History:
        held_out = {key: record[key] for key in record if key.startswith("held_out_")}
        terms = {key: record[key] for key in record if key != "step" and key not in held_out}
        return cls(record["step"], terms, held_out)

    def save(self, path: Path) -> None:
        path.write_text(strict_json.dumps(self.to_json()))


@dataclass(frozen=True)
class Run:
    """What a stage gives the loop."""

    title: str
    rate_key: str  # key of the configuration that sets the learning rate
    steps: int
    take_step: Callable[[Share], dict[str, Tensor]]  # terms of the loss; "loss" is differentiated
    rates: Callable[[int], dict[str, float]]  # learning rate of each group of parameters
    optimizer: Adam
    checkpoint: Checkpoint
    checkpoint_every: int
    compare: Callable[[], list[Comparison]]  # held-out projections beside their predictions
    compare_every: int
    inspect: Callable[[SummaryWriter, int], None]  # the stage's own figures for TensorBoard
    board: Path  # folder of TensorBoard's event files
    buffers: dict[str, Tensor] = field(default_factory=dict)  # what changes in training but has no gradient
    shares: int = 1  # into which a step's rays are divided, so that they fit the memory


def train(run: Run) -> History:
    """Train to the last step, from the checkpoint where there is one.

    The caller saves the trained fields and then removes the checkpoint. Raises
    InputError where the loss is no longer finite.
    """
    history, done = History(), 0
    if (saved := run.checkpoint.load()) is not None:
        done, tensors, record = saved
        run.optimizer.restore(tensors)
        for name, buffer in run.buffers.items():
            buffer.copy_(tensors[name])
        history = History.from_json(record)
        say(f"{run.title}: goes on from step {done}")
    else:
        shutil.rmtree(run.board, ignore_errors=True)  # curves of an older run
    gradients = Gradients(run.title, run.take_step, run.optimizer, run.shares)
    with SummaryWriter(str(run.board), purge_step=done) as board, track(run.title, run.steps, done) as progress:
        record: Record | None = None
        for step in range(done, run.steps):
            terms = gradients.of(step)
            rates = run.rates(step)
            run.optimizer.step(step + 1, rates)
            last = step + 1 == run.steps
            recorded = step % RECORD_EVERY == 0 or last
            compared = (step + 1) % run.compare_every == 0 or last
            saved = (step + 1) % run.checkpoint_every == 0 and not last
            note = ""
            if record is not None and (recorded or compared or saved):
                note, record = record.write(run, history, board), None
            if recorded:
                record = Record(step, list(terms), Fetched(torch.stack(list(terms.values()))), rates)
            if record is not None and (compared or saved):
                note, record = record.write(run, history, board), None
            if compared:
                _compare(run, history, board, step)
            if saved:
                run.checkpoint.save(step + 1, run.optimizer.tensors() | run.buffers, history.to_json())
            progress.advance(note=note)
    return history


@dataclass(frozen=True)
class Record:
    """A point of the curves, written some steps later: a GPU need not wait while the host reads it."""

    step: int
    names: list[str]
    terms: Fetched
    rates: dict[str, float]

    def write(self, run: Run, history: History, board: SummaryWriter) -> str:
        values = dict(zip(self.names, self.terms.read().tolist(), strict=True))
        if not np.isfinite(values["loss"]):
            raise InputError(f"{run.title}: the loss is {values['loss']} at step {self.step}", where=run.rate_key, fix="lower the learning rate")
        values |= {f"learning_rate_{group}" if group != "field" else "learning_rate": rate for group, rate in self.rates.items()}
        history.step.append(self.step)
        for name, value in values.items():
            history.terms.setdefault(name, []).append(value)
            board.add_scalar(f"training/{name}", value, self.step)
        return f"loss {values['loss']:.2e}"


def _compare(run: Run, history: History, board: SummaryWriter, step: int) -> None:
    comparisons = run.compare()
    if comparisons:
        for name, value in (("held_out_psnr", np.mean([c.psnr for c in comparisons])), ("held_out_ssim", np.mean([c.ssim for c in comparisons]))):
            history.held_out.setdefault(name, []).append((step, float(value)))
            board.add_scalar(f"held_out/{name.removeprefix('held_out_')}", float(value), step)
        for c in comparisons:
            pair = np.concatenate([c.measured, c.predicted], 1).clip(0, 1)
            board.add_image(f"held_out/{c.name}", pair[None], step)
    run.inspect(board, step)


def slices_image(volume: np.ndarray) -> np.ndarray:
    """A clear slice across each axis of a (z, y, x) volume side by side: [1, n, 3n] in [0, 1]. The middle ones are often empty."""
    z, y, x = planes.clear(volume)
    slices = np.concatenate([volume[z], volume[::-1, y], volume[::-1, :, x]], 1)
    return slices[None] / max(float(slices.max()), 1e-12)
