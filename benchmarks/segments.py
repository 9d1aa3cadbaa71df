"""Displacement error of an interrupted test of three scans, joined, beside that of each of its halves.

`python -m benchmarks.segments FOLDER` simulates balls that move one way from t = 0
to 1/2 and another from there to t = 1, reconstructs each half with its own two
scans and its own sequence, joins both, and prints a table in world units.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

from xct4d.commands.join import join

ROOT = Path(__file__).parents[1]
HALVES = ("press", "shear")
BALLS = 6
MOVED = 0.12  # world units, the length of each ball's way in each half
CLOSEST = 0.1  # world units between the surfaces of two balls at any of the three scans
SETTINGS = {
    "export": {"times": [0.0, 0.25, 0.5, 0.75, 1.0], "resolution": 48, "kinds": ["mixed"]},
    "evaluate": {"resolution": 64},
    "analyse": {"quantities": ["displacement"], "resolution": 24},
    "device": "cpu",
}


def scenes() -> list[dict]:
    """The scene of each half: the second begins where the first ends."""
    random = np.random.default_rng(3)
    ways = np.empty((2, BALLS, 3))
    for half, down in enumerate(([0.0, 0.0, -1.0], [1.0, 0.0, 0.0])):
        way = np.array(down) + 0.5 * random.standard_normal((BALLS, 3))
        ways[half] = MOVED * way / np.linalg.norm(way, axis=1, keepdims=True)
    centres, radii = np.zeros((0, 3)), np.zeros(0)
    while len(radii) < BALLS:
        centre, radius = random.uniform(-0.55, 0.55, 3), random.uniform(0.14, 0.22)
        at = [centre + ways[:half, len(radii)].sum(0) for half in range(3)]
        others = [centres + ways[:half, : len(radii)].sum(0) for half in range(3)]
        apart = [np.linalg.norm(own - other, axis=1) - radii - radius for own, other in zip(at, others, strict=True)]
        if all((gap > CLOSEST).all() for gap in apart) and np.abs(at).max() + radius < 0.9:
            centres, radii = np.vstack([centres, centre]), np.append(radii, radius)
    return [_scene(centres + ways[:half].sum(0), radii, ways[half]) for half in range(2)]


def _scene(centres: np.ndarray, radii: np.ndarray, ways: np.ndarray) -> dict:
    balls = zip(centres.tolist(), radii.tolist(), strict=True)
    return {
        "object": {
            "type": "object_collection",
            "objects": [{"type": "sphere", "center": centre, "radius": radius, "rho": 1.0} for centre, radius in balls],
        },
        "motion": {"type": "objects", "displacements": ways.tolist()},
        "times": 7,
        "views": {"ends": {"azimuths": 24}, "between": {"azimuths": [90, 180]}},
        "detector": {"resolution": 100, "bits": 16},
    }


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in zip(HALVES, scenes(), strict=True):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(scene))
    datasets = {name: {"input": {"scene": str(folder / f"{name}.yaml")}} for name in HALVES}
    (folder / "config.yaml").write_text(yaml.safe_dump({"datasets": datasets} | SETTINGS))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "workflow" / "Snakefile", "--directory", folder, "--cores", "1"]
    subprocess.run([*command, "--configfile", folder / "config.yaml"], check=True)
    joined = join([folder / "results" / name for name in HALVES], folder / "results" / "joined")
    metrics = json.loads((joined.folder / "evaluation" / "metrics.json").read_text())
    print("\n| t | segment | moved since t = 0 | error since t = 0 | error of the segment alone |\n|---|---|---|---|---|")
    for entry in metrics["times"]:
        since, alone = entry["displacement_error"], entry["segment_displacement_error"]
        print(f"| {entry['time']:.3f} | {entry['segment']} | {since['true_mean']:.4f} | {since['mean']:.4f} | {alone['mean']:.4f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
