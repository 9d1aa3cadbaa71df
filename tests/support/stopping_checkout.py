"""A copy of this checkout with a dataset, whose scripts make empty outputs and stop before their stage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

from workflow import ROOT

# folders are the outputs' own, but for volumes, of which rules name a file
MAKE = """\
import os, sys
folders = [os.path.dirname(output) if output.endswith("/zarr.json") else output for output in snakemake.output]
for output, folder in zip(snakemake.output, folders):
    os.makedirs(folder, exist_ok=folder != output)
    if folder != output:
        open(output, "w").close()
"""
STOP = f"{MAKE}sys.exit()\n"


def checkout(root: Path) -> Path:
    """A copy of this checkout with a dataset, whose scripts make empty outputs and stop."""
    for name in ("workflow", "xct4d", "config", "slurm"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.nbc", "*.nbi"))
    data = root / "data"
    for state, name in (("00", "transforms_00.json"), ("01", "transforms_01.json"), ("05", "transforms_00_to_01.json")):
        (data / f"images_{state}").mkdir(parents=True)
        images = [f"images_{state}/train_{i}.png" for i in range(2)]
        for image in images:
            (data / image).write_bytes(f"content of {image}".encode())
        (data / name).write_text(json.dumps({"frames": [{"file_path": image} for image in images]}))
    (data / "data.raw").write_bytes(b"8 voxels")
    write(root, {})
    for script in (root / "workflow" / "scripts").glob("*.py"):
        script.write_text(STOP + script.read_text())
    return root


def write(root: Path, changes: dict) -> None:
    """The configuration, with changes at dotted keys."""
    tree = {
        "datasets": {"d": {"input": {"folder": "data"}}},
        "mixing": {"method": "spline"},
        "velocity": {"levels": [{"resolution": n, "steps": 9, "learning_rate": 0.01} for n in (6, 9, 15)]},
        "export": {"times": [0.0, 0.5, 1.0]},
    }
    for key, value in changes.items():
        *parents, last = [int(part) if part.isdigit() else part for part in key.split(".")]
        node = tree
        for parent in parents:
            node = node[parent] if isinstance(node, list) else node.setdefault(parent, {})
        if isinstance(node, list) and last == len(node):
            node.append(value)
        else:
            node[last] = value
    (root / "config" / "config.yaml").write_text(yaml.safe_dump(tree))
