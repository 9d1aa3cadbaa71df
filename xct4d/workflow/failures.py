"""What made jobs fail, told at the very end: above it stand pages of Snakemake's own."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from pathlib import Path

TOLD_LAST = "XCT4D_FAILURES_TOLD_LAST"  # set for jobs, which then need not say it too
SNAKEMAKE = "snakemake.logging"  # its logger


class FailedJobs(logging.Handler):
    """Hears what Snakemake reports of jobs, whatever it is told to be quiet about."""

    def __init__(self) -> None:
        super().__init__()
        self._logs: dict[int, str] = {}  # of the jobs that failed last time they ran, by number

    def emit(self, record: logging.LogRecord) -> None:
        said = vars(record)
        event = getattr(said.get("event"), "name", None)
        if event == "JOB_ERROR" and said["log"]:
            self._logs.setdefault(said["jobid"], said["log"][0])
        elif event == "JOB_FINISHED":  # a retry
            self._logs.pop(said["job_id"], None)

    def tell(self) -> None:
        """Print why each job failed, each reason once."""
        for reason in dict.fromkeys(filter(None, map(reason_in, self._logs.values()))):
            print(reason, file=sys.stderr)


def promise_to_tell() -> None:
    """Let the jobs of this process leave their one-line errors to be told when it ends."""
    logger = logging.getLogger(SNAKEMAKE)
    if not any(isinstance(handler, FailedJobs) for handler in logger.handlers):  # a workflow may import this one twice
        failed = FailedJobs()
        logger.addHandler(failed)
        atexit.register(failed.tell)
    os.environ[TOLD_LAST] = "1"


def reason_in(log: str | Path) -> str:
    """The end of a failed job's log: from its traceback on, where there is one, else the last line; empty where there is nothing."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    except OSError:
        return ""
    starts = [i for i, line in enumerate(lines) if line.startswith(("Traceback (most recent call last)", "Fatal Python error"))]
    return "\n".join(lines[starts[0] :] if starts else lines[-1:])
