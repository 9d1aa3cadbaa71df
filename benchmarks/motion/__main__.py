"""How well the motion is found on scenes whose truth is known, beside classical methods.

    python -m benchmarks.motion [--scenes organ lattice] [--peers peers.py] [--cores 1]

For each scene: the dataset is simulated; this program reconstructs it as a user
would, by `snakemake` with the dataset's folder as the whole configuration; the
peers' tool runs all of its methods on the same folder, after it and in one
thread. All are scored against the truth at the same times, on the same points.
The tables, all figures and a plot are written to benchmarks/results/motion.md,
.json and .svg.

What an earlier run has finished is not done again: the files are in --work, one
folder a scene. Delete <scene>/ours.json or <scene>/peers to repeat one side
alone, after a change of the code say. A changed scene or --settings repeats
what it concerns. Kernels are compiled once on a machine and that costs CPU time
too: run `make demo` first.

The scenes bone and snow need voxels that are not in the repository:
XCT4D_DATA names the folder that holds them (see voxel_scenes.py); without it
they are left out, and a line says so.

The peers' tool is a program `FILE DATASET --truth truth.npz --out DIR` that
writes DIR/scores.json, a list of rows: method, t, "in all" (CPU seconds of the
method and all that it needs), corr, mean, p95, self, "held out". truth.npz holds
mu_<t> [n, n, n] (z, y, x) and u0_<t> [m, m, m, 3], the displacement from the
place at time t back to where the material was at t = 0, world units.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

from benchmarks.motion import figure, ours, peers, strains, tables
from benchmarks.motion.scenes import SCENES, Case, find, place

RESULTS = Path(__file__).parents[1] / "results"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.motion", description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), help="names in config/scenes, or scene files (%(default)s)")
    parser.add_argument("--peers", type=Path, help="the tool of classical methods; without it this program runs alone")
    parser.add_argument("--settings", type=Path, help="configuration whose values replace the defaults; its datasets are left out")
    parser.add_argument("--cores", type=int, default=1, help="for this program; the peers always run in one thread (%(default)s)")
    parser.add_argument("--resolution", type=int, default=128, help="voxels per axis at which attenuation is compared (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path("results/benchmark_motion"), help="folder for datasets and runs (%(default)s)")
    parser.add_argument("--output", type=Path, default=RESULTS / "motion", help="tables and plot, without the suffix (%(default)s)")
    return parser.parse_args(arguments)


def measure(case: Case, options: argparse.Namespace) -> dict:
    """All figures of one scene; what is there already is read."""
    folder = options.work.resolve() / case.name
    dataset = place(case, folder, options.resolution)
    record = {"times": list(case.times), "limit": case.limit, "p95_counts": case.textured}
    record["ours"] = ours.measure(case, dataset, folder, options.settings, options.cores)
    record["strain"] = strains.measure(case.name, case.times, dataset, folder)
    if options.peers is not None:
        record["peers"] = peers.measure(options.peers.resolve(), dataset, folder)
    return record


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "cores": options.cores,
        "scenes": {},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name in options.scenes:
        if (case := find(name)) is None:
            print(f"{name}: left out, XCT4D_DATA names no folder with its voxels", flush=True)
            continue
        print(f"{case.name} ...", flush=True)
        record["scenes"][case.name] = measure(case, options)
        options.output.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        options.output.with_suffix(".md").write_text(tables.page(record))
        figure.draw(record, options.output.with_suffix(".svg"))
        print(tables.verdicts({case.name: record["scenes"][case.name]}), flush=True)


if __name__ == "__main__":
    main()
