"""Checkpoints of trainings that Snakemake knows to be finished."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path

from xct4d.workflow.stages import job_of


def remove_checkpoints(outputs: Iterable[str]) -> None:
    """Remove the checkpoints of the jobs behind a job's inputs, those of older code too.

    A training keeps its last checkpoint when it ends: if Snakemake dies before it
    has noted that, it deletes the output and starts the job again, which then
    only writes the output once more. That a job runs which reads the output
    means that it was noted. Files that are no output of a stage have no checkpoint.
    """
    for output in outputs:
        with suppress(ValueError):
            root, job = job_of(output)
            folder = Path(root, "checkpoints")
            for file in chain(folder.glob(f"{job}.*"), folder.glob(f".{job}.*")):
                file.unlink(missing_ok=True)
