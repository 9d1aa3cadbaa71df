"""A first run, which compiles, computes what later ones do, which load."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xct4d.kernels.compiled import KEPT, stored

ROOT = Path(__file__).parents[1]

# sums whose order LLVM is free to choose: the case in which the two differ
SUMS = """
import sys, numpy as np, numba
from xct4d.workflow.job import job
from xct4d.kernels.segments import _sum
with job(sys.argv[1], 1):
    rng = np.random.default_rng(0)
    start = np.concatenate([[0], np.cumsum(rng.integers(5, 40, 256))])
    out = np.empty(256, np.float32)
    _sum(rng.random(start[-1], np.float32), start, out)
    (hits,) = _sum.stats.cache_hits.values()
    print(hits, out.tobytes().hex())
"""


def test_a_first_run_computes_what_later_ones_do(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", SUMS, str(tmp_path / "log")]
    first, second = (subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True, text=True).stdout for _ in range(2))
    assert first.startswith("1 ")  # loaded, though nothing had been stored
    assert first == second


def test_code_for_a_gpu_is_made_once_and_again_where_it_was_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    made = []

    def code():
        made.append(b"name\ncode")
        return made[-1]

    assert [stored("kernel", ["numba", "not-installed"], code) for _ in range(2)] == 2 * [b"name\ncode"]
    assert len(made) == 1
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert stored("kernel", ["numba", "not-installed"], code) == stored("kernel", ["numba", "not-installed"], code) == b"name\ncode"
    assert len(made) == 2
    stored("another kernel", ["numba", "not-installed"], code)
    stored("kernel", ["numba"], code)
    assert len(made) == 4


# what a process with another numba chooses; numba itself is not loaded
CHOICE = """
import importlib.metadata, os, sys
real = importlib.metadata.version
importlib.metadata.version = lambda name: sys.argv[1] if name == "numba" else real(name)
import xct4d
print(os.environ["NUMBA_CACHE_DIR"])
"""


def choice(package, numba, **environment):
    """Folder that a process with this version of numba chooses, in a copy of the package."""
    clean = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", CHOICE, numba]
    done = subprocess.run(command, check=True, cwd=package.parent, env=clean | environment, capture_output=True, text=True)
    return Path(done.stdout.strip())


@pytest.fixture
def package(tmp_path):
    return shutil.copytree(ROOT / "xct4d", tmp_path / "xct4d", ignore=shutil.ignore_patterns("__pycache__"))


def test_two_environments_keep_their_kernels_apart_and_whole(package):
    one = choice(package, "0.61.0")
    one.mkdir(parents=True)
    other = choice(package, "0.68.1")
    assert other != one and other.parent == one.parent
    assert one.exists()


def test_a_job_in_another_environment_than_snakemake_chooses_for_itself(package):
    ours = choice(package, "0.61.0")
    assert choice(package, "0.68.1", NUMBA_CACHE_DIR=str(ours)) == choice(package, "0.68.1")
    assert choice(package, "0.68.1", NUMBA_CACHE_DIR="/somewhere") == Path("/somewhere")


def test_old_kernels_of_changed_sources_are_removed(package):
    old, young = choice(package, "0.61.0"), package / "__pycache__" / "kernels-of-another-checkout"
    for place in (old, young):
        place.mkdir(parents=True)
    os.utime(old.parent, (time.time() - KEPT - 60,) * 2)
    source = package / "kernels" / "segments.py"
    source.write_text(source.read_text() + "# changed\n")
    assert choice(package, "0.61.0").parent != old.parent
    assert not old.exists()
    assert young.exists()
