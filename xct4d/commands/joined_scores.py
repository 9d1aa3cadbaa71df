"""Scores of a joined experiment, in the form of a dataset's metrics.json: those of its segments, and the displacement since the first scan of all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.analysis.projection_scores import summary
from xct4d.analysis.scores import COARSE, MATERIAL_POINTS
from xct4d.commands.experiment import Experiment
from xct4d.config import Input
from xct4d.fields.material import is_true_material
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.metrics import displacement_error
from xct4d.phantom.truth import Phantom
from xct4d.progress import track
from xct4d.result import Result

OF_SEGMENT = ("displacement_error", "displacement_error_to_end", "centre_error")  # since the first or to the last scan of the segment alone


def joined_metrics(experiment: Experiment, beside: Path) -> dict[str, Any]:
    """metrics.json of the experiment; times are experiment times, lengths world units.

    A scan in the middle is scored twice, at the end of one segment and at the
    start of the next. displacement_error is of the displacement since the first
    scan of all, where the motion of all segments up to here is known; what is
    since a segment's own scan has `segment_` before its name. beside: folder
    from which the paths in it start. Raises InputError where a truth is damaged.
    """
    truths = [known_motion(segment) for segment in experiment.segments]
    metrics = [segment.metrics for segment in experiment.segments]
    times, projections = [], []
    with track("join: scores", sum(len(own["times"]) for own in metrics)) as progress:
        for index, (segment, own) in enumerate(zip(experiment.segments, metrics, strict=True)):
            for entry in own["times"]:
                times.append(_entry(experiment, index, entry, truths, own["resolution"]))
                progress.advance()
            scored = own["held_out"]["projections"]
            projections += [one | {"time": experiment.time(index, one["time"]), "segment": segment.name} for one in scored]
    return {
        "segments": [
            {
                "dataset": segment.name,
                "folder": Path(os.path.relpath(segment.folder, beside)).as_posix(),
                "from": float(experiment.scans[index]),
                "to": float(experiment.scans[index + 1]),
                "first_scan_and_last_before": experiment.agreement[index - 1] if index else None,
                "resolution": metrics[index]["resolution"],
            }
            for index, segment in enumerate(experiment.segments)
        ],
        "static": False,
        "truth": any(own["truth"] for own in metrics),
        "unit_mm": experiment.scale.unit_mm,
        "duration_s": experiment.scale.duration_s,
        "times": times,
        "held_out": summary(projections),
    }


def known_motion(segment: Result) -> Phantom | None:
    """The true object and motion of a segment: of its scene, or of input.truth; None where the motion is not known."""
    given = Input.model_validate(segment.configuration["input"])
    if given.scene is not None:
        dataset = segment.name.partition("~")[0]  # the variants of a sweep share what was simulated
        return Phantom.load(segment.folder.parent / dataset / "simulated" / "scene.yaml")
    if given.truth is None or given.truth.volumes:
        return None
    return Phantom.from_truth(given.truth, Path(str(given.folder)))


def _entry(experiment: Experiment, index: int, entry: dict[str, Any], truths: Sequence[Phantom | None], n: int) -> dict[str, Any]:
    """The scores of one time of a segment, as scores of the experiment."""
    t, name = entry["time"], experiment.segments[index].name
    record = {"time": experiment.time(index, t), "segment": name, "segment_time": t}
    record |= {key: value for key, value in entry.items() if key not in ("time", *OF_SEGMENT)}
    record |= {f"segment_{key}": entry[key] for key in OF_SEGMENT if key in entry}
    if entry.get("trust"):  # its deviation is since the segment's own scan
        unknown = dict.fromkeys(entry["trust"]["displacement_deviation"])
        record["segment_displacement_deviation"] = entry["trust"]["displacement_deviation"]
        record["trust"] = entry["trust"] | {"displacement_deviation": unknown}
    if entry.get("displacement_error"):
        earlier = [truth for truth in truths[: index + 1] if truth is not None]
        record["displacement_error"] = _since_first_scan(experiment, index, t, earlier, n) if len(earlier) > index else None
    return record


def _since_first_scan(experiment: Experiment, index: int, t: float, truths: Sequence[Phantom], n: int) -> dict[str, float]:
    """Error of the displacement since the first scan of all, at material points of the truth at time t of a segment.

    n: voxels per axis of the box, for the errors in voxels.
    """
    material = _material(truths[index], t, n)
    true = experiment.to_first_scan(index, t, material, [truth.flow for truth in truths])
    found = experiment.to_first_scan(index, t, material, experiment.flows())
    return displacement_error(found, true, n) | {"true_mean": float(np.linalg.norm(true - material, axis=1).mean())}


def _material(truth: Phantom, t: float, n: int) -> np.ndarray:
    """The points of an n^3 grid that are material, as `evaluate` takes them: [M, 3]."""
    largest, centres = float(truth.volume(COARSE, t).max()), voxel_centres(n)
    found = []
    for z in centres:
        points = grid_points(np.array([z]), centres, centres)
        found.append(points[is_true_material(truth.density(points, t), largest)])
    material = np.concatenate(found)
    if len(material) > MATERIAL_POINTS:
        material = material[np.random.default_rng(0).choice(len(material), MATERIAL_POINTS, replace=False)]
    return material
