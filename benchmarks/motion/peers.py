"""The classical methods of a peers' tool on one dataset, each a list of figures over time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ONE_THREAD = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def measure(tool: Path, dataset: Path, folder: Path) -> dict[str, dict]:
    """Figures of each method, {cpu_s, times: [row]}, from folder/peers if they are there. Raises SystemExit where the tool fails."""
    output = folder / "peers"
    if not (output / "scores.json").is_file():
        output.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(tool), str(dataset), "--truth", str(folder / "truth.npz"), "--out", str(output)]
        compiled = {"NUMBA_CACHE_DIR": str(folder.parent / "peers_compiled")}  # nothing is written beside the tool
        with (output / "log.txt").open("w") as log:
            done = subprocess.run(command, check=False, env=os.environ | ONE_THREAD | compiled, stdout=log, stderr=subprocess.STDOUT)
        if done.returncode:
            raise SystemExit(f"{tool}: failed (exit status {done.returncode}), see {output / 'log.txt'}")
        for volume in output.glob("*.npz"):
            volume.unlink()  # hundreds of MB that nothing reads
    return by_method(json.loads((output / "scores.json").read_text()))


def by_method(rows: list[dict]) -> dict[str, dict]:
    """Rows in order of methods and times, each method's together; its CPU seconds stand in its first row."""
    methods: dict[str, dict] = {}
    for row in rows:
        method = methods.setdefault(row["method"], {"cpu_s": row.get("in all"), "times": []})
        method["times"].append({key: row.get(key) for key in ("t", "mean", "p95", "corr", "self", "held out")})
    return methods
