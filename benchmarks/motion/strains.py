"""Strain of a finished result against the scene's, and how far its stated deviation covers the error.

Points of the material at t = 0 are followed as `xct4d track` follows them.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import xct4d
from xct4d.analysis.strain import Deformation
from xct4d.analysis.tracking import Followed, Paths
from xct4d.fields.material import is_true_material
from xct4d.phantom.truth import Phantom

POINTS = 2000
STEP = 1e-4  # world units: of the differences that give the true deformation gradient
MEASURES = ("equivalent_strain", "jacobian")


def measure(name: str, times: tuple[float, ...], dataset: Path, folder: Path) -> list[dict]:
    """Figures at each time, from folder/strain.json if it is of the same result.

    Of each measure: `true`, the mean of its size (of the Jacobian of J - 1);
    `error`, the mean of |found - true|; `deviation`, the root mean square of the
    stated standard deviation; `beyond`, the part of points whose error exceeds
    twice their deviation. Folded material counts in none.
    """
    results, stored = folder / "run" / "results" / name, folder / "strain.json"
    made = (results / "trust" / "trust.json").stat().st_mtime_ns
    if stored.is_file() and (record := json.loads(stored.read_text()))["made"] == made:
        return record["times"]
    phantom, result = Phantom.load(dataset / "scene.yaml"), xct4d.open(results, units="world")
    points = material_points(phantom)
    followed = Followed.of(result.model.velocity, result.motions, torch.from_numpy(points).float(), times)
    rows = scored(followed, true_paths(phantom, points, times), times)
    stored.write_text(json.dumps({"made": made, "times": rows}, indent=1) + "\n")
    return rows


def material_points(phantom: Phantom) -> np.ndarray:
    """Points [POINTS, 3] of the material at t = 0, at random."""
    random, found = np.random.default_rng(0), np.empty((0, 3))
    while len(found) < POINTS:
        points = random.uniform(-1, 1, (20 * POINTS, 3))
        density = phantom.density(points, 0.0)
        found = np.concatenate([found, points[is_true_material(density, float(density.max()))]])
    return found[:POINTS]


def true_paths(phantom: Phantom, points: np.ndarray, times: tuple[float, ...]) -> Paths:
    """Of the scene's motion: places, and F by central differences."""
    gradients = [
        np.stack(
            [(phantom.flow(points + step, 0.0, t) - phantom.flow(points - step, 0.0, t)) / (2 * STEP) for step in STEP * np.eye(3)], -1
        )
        for t in times
    ]
    places = [phantom.flow(points, 0.0, t) for t in times]
    return Paths(torch.from_numpy(np.stack(places)).float(), torch.from_numpy(np.stack(gradients)).float())


def scored(followed: Followed, true: Paths, times: tuple[float, ...]) -> list[dict]:
    rows: list[dict] = [{"t": t} for t in times]
    for name in MEASURES:
        found, known, deviation = _measured(name, followed.paths), _measured(name, true), followed.deviation(partial(_measured, name))
        for k, row in enumerate(rows):
            whole = torch.stack([found[k], known[k], deviation[k]]).isfinite().all(0)
            error, open_to, size = (values[k][whole] for values in ((found - known).abs(), deviation, known.abs()))
            row[name] = {
                "true": float(size.mean()),
                "error": float(error.mean()),
                "deviation": float(open_to.square().mean().sqrt()),
                "beyond": float((error > 2 * open_to).float().mean()),
            }
    return rows


def _measured(name: str, paths: Paths) -> Tensor:
    """[T, N]; of the Jacobian J - 1, NaN where the material is folded."""
    its = Deformation(paths.gradients.flatten(0, 1))
    values = its.equivalent if name == "equivalent_strain" else (its.jacobian - 1).masked_fill(its.folded, torch.nan)
    return values.reshape(paths.gradients.shape[:2])
