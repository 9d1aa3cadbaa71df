"""Running a reconstruction: progress, and the checkpoint from which a killed run goes on."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from xct4d.errors import InputError
from xct4d.io.checkpoint import Checkpoint
from xct4d.io.prepared import Frames
from xct4d.progress import say, track
from xct4d.reconstruction.volume import Reconstruction, Record, Scan, voxels

SECONDS = 15.0  # from one checkpoint to the next, at least; the result does not depend on when they are written


def reconstructed(frames: Frames, at_most: int, checkpoint: Checkpoint, title: str, device: torch.device) -> tuple[Tensor, dict[str, Any]]:
    """Attenuation [n, n, n] (z, y, x) of a scan, on the CPU, and the record of its sweeps. at_most: voxels per axis.

    The checkpoint stays, as that of a training does (xct4d.workflow.checkpoints
    removes both).
    Raises InputError where no projection is left to train on.
    """
    if frames.held_out.all():
        raise InputError("no projection is left to train on", where="input.split", fix="hold fewer projections out")
    scan = Scan.of(frames, device)
    run = Reconstruction(scan, voxels(scan.views, at_most))
    done = _resume(run, checkpoint, title)
    with track(f"{title}: reconstruction", run.most_sweeps, done) as progress:
        last = time.monotonic()
        while not run.done:
            run.sweep()
            progress.advance(note=f"residual {run.record.residual[-1]:.2e}")
            if run.done or time.monotonic() - last > SECONDS:
                _save(run, checkpoint)
                last = time.monotonic()
        for _ in range(run.most_sweeps - len(run.record.weights)):  # weights that need not be tried
            progress.advance()
    return run.volume().cpu(), run.record.to_json()


def _save(run: Reconstruction, checkpoint: Checkpoint) -> None:
    """Write the checkpoint: the whole state of the iteration, or the attenuation alone once that is final."""
    tensors = {"attenuation": run.tensors["attenuation"]} if run.done else run.tensors
    checkpoint.save(len(run.record.weights), tensors, run.record.to_json())


def _resume(run: Reconstruction, checkpoint: Checkpoint, title: str) -> int:
    """Sweeps done, with the state of the checkpoint put in place; 0 where there is none."""
    if (found := checkpoint.load()) is None:
        return 0
    done, tensors, record = found
    for name, tensor in tensors.items():
        run.tensors[name].copy_(tensor)
    run.record = Record(**record)
    say(f"{title}: the reconstruction goes on from sweep {done}")
    return done
