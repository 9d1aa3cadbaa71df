"""What a job took: the last line of its log."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

LINE = re.compile(r"^took [\d.]+ s, ([\d.]+) CPU s, [\d.]+ GB at most$", re.MULTILINE)


def cost_line(seconds: float) -> str:
    """Wall seconds, and what this process and those that it has waited for took. Snakemake's benchmarks sample CPU time every 30 s and miss the end."""
    every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in every)
    most = max(usage.ru_maxrss for usage in every) * (1 if sys.platform == "darwin" else 1024)  # bytes or kilobytes
    return f"took {seconds:.1f} s, {cpu:.1f} CPU s, {most / 1e9:.2f} GB at most"


def cpu_seconds(log: Path) -> float | None:
    """CPU time of the last run that a log tells of; None where there is no log, or none of a run that ended well."""
    found = LINE.findall(log.read_text(encoding="utf-8", errors="replace")) if log.is_file() else []
    return float(found[-1]) if found else None
