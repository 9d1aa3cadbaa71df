"""A first run, which compiles, computes what later ones do, which load."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# sums whose order LLVM is free to choose: the case in which the two differ
SUMS = """
import sys, numpy as np, numba
from xct4d.job import job
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
