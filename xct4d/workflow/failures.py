"""What made jobs fail, told at the very end: above it stand pages of Snakemake's own."""

from __future__ import annotations

import atexit
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

TOLD_LAST = "XCT4D_FAILURES_TOLD_LAST"  # set for jobs, which then need not say it too
_FAILED = re.compile(r"^ {4}jobid: (\d+)\n(?:    .*\n)*? {4}log: (.+?) \(check log file", re.MULTILINE)
_FINISHED = re.compile(r"^Finished jobid: (\d+)\b", re.MULTILINE)


def promise_to_tell() -> None:
    """Let the jobs of this process leave their one-line errors to `tell_last`."""
    os.environ[TOLD_LAST] = "1"


def tell_last(snakemake_logs: Iterable[str | Path]) -> None:
    """When this process ends, print why each of its jobs failed. snakemake_logs: files that Snakemake has written so far."""
    text = "\n".join(Path(log).read_text(encoding="utf-8", errors="replace") for log in snakemake_logs)
    retried = set(_FINISHED.findall(text))
    logs = dict.fromkeys(log for job, log in _FAILED.findall(text) if job not in retried)
    for reason in reversed(list(dict.fromkeys(filter(None, map(reason_in, logs))))):  # what is registered last runs first
        atexit.register(print, reason, file=sys.stderr)


def reason_in(log: str | Path) -> str:
    """The end of a failed job's log: from its traceback on, where there is one, else the last line; empty where there is nothing."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    except OSError:
        return ""
    starts = [i for i, line in enumerate(lines) if line.startswith(("Traceback (most recent call last)", "Fatal Python error"))]
    return "\n".join(lines[starts[0] :] if starts else lines[-1:])
