"""Results of the workflow on config/tiny.yaml."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

import pytest

from workflow import ROOT, snakemake

TINY = ("--configfile", str(ROOT / "config" / "tiny.yaml"))
# Two in each job that takes more than one, as on a cluster with two CPUs a job: sums over threads depend on their number.
THREADS = ("--cores", "2", "--set-threads", "canonical=2", "export=2", "analyse=2")
RESULTS = Path("results/tiny")
# Clocks and machine loads; what `evaluate` removes; TensorBoard's events carry times, figures only what metrics.json says.
NOT_COMPARED = ("logs", "benchmarks", "tensorboard", "checkpoints")
TIMED = {"report/report.html", "report/.digests.json"}  # the page shows the benchmarks; the figures on it lie beside it


def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which it ran undisturbed, made once for all processes that test at once. As deep as each one's own."""
    own = tmp_path_factory.getbasetemp()
    place = own.parent / "undisturbed" / "tiny" if "PYTEST_XDIST_WORKER" in os.environ else own / "undisturbed"
    place.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / RESULTS / "report").is_dir():
            run = snakemake(*THREADS, *TINY, cwd=place, prepared_for=2)
            assert run.returncode == 0, run.stdout + run.stderr
    return place


def contents(place: Path) -> dict[str, str]:
    """Digest of every result, by its path."""
    files = sorted(path for path in (place / RESULTS).rglob("*") if path.is_file())
    names = {path: path.relative_to(place / RESULTS) for path in files if path.name != ".snakemake_timestamp"}
    return {
        str(name): hashlib.sha256(path.read_bytes()).hexdigest()
        for path, name in names.items()
        if name.parts[0] not in NOT_COMPARED and str(name) not in TIMED
    }
