"""Results of the workflow on config/tiny.yaml."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workflow import ROOT

TINY = ("--configfile", str(ROOT / "config" / "tiny.yaml"))
RESULTS = Path("results/tiny")
# Clocks and machine loads; what `evaluate` removes; TensorBoard's events carry times, figures only what metrics.json says.
NOT_COMPARED = ("logs", "benchmarks", "tensorboard", "checkpoints")
TIMED = {"report/report.html", "report/.digests.json"}  # the page shows the benchmarks; the figures on it lie beside it


def contents(place: Path) -> dict[str, str]:
    """Digest of every result, by its path."""
    files = sorted(path for path in (place / RESULTS).rglob("*") if path.is_file())
    names = {path: path.relative_to(place / RESULTS) for path in files if path.name != ".snakemake_timestamp"}
    return {
        str(name): hashlib.sha256(path.read_bytes()).hexdigest()
        for path, name in names.items()
        if name.parts[0] not in NOT_COMPARED and str(name) not in TIMED
    }
