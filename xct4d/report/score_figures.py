"""Figures of a model's scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.analysis.projection_scores import PredictedProjection
from xct4d.analysis.scores import TimeScores
from xct4d.directions import RECONSTRUCTIONS
from xct4d.quantities import ATTENUATION
from xct4d.report import plots
from xct4d.report.planes import Planes
from xct4d.selection import equally_spaced
from xct4d.units import LENGTH, PER_AREA, TIME, Scale

SLICED_TIMES = 7  # columns of the figure of slices, at most


def draw_scores(
    folder: Path,
    scores: Sequence[TimeScores],
    shown_planes: Planes,
    scale: Scale,
    held_out: Sequence[PredictedProjection],
    histories: Mapping[str, dict[str, Any]],
) -> None:
    """Write slices.png, and correlation.png, attenuation_error.png, held_out.png and training.png where there is something to draw.

    scale: of the dataset. histories: contents of history.json by the title of a
    training.
    """
    _slices(folder / "slices.png", scores, shown_planes, scale)
    draw_over_time(folder, scores, scale)
    if held_out:
        plots.held_out(folder / "held_out.png", [(p.title, p.predicted, p.measured) for p in held_out])
    if histories:
        plots.training_curves(folder / "training.png", dict(histories))


def draw_over_time(folder: Path, scores: Sequence[TimeScores], scale: Scale) -> None:
    """Write correlation.png and attenuation_error.png where there are several times, and something to draw."""
    correlations, errors = _curves(scores, "correlation", "self_correlation"), _curves(scores, "mean_squared_error", "mismatch")
    if correlations and len(scores) > 1:
        duration = scale.factor(TIME)
        label = "t (first scan 0, last scan 1)" if scale.duration_s is None else "time (s)"
        times = [s.time * duration for s in scores]
        plots.correlation_over_time(folder / "correlation.png", times, correlations, time_label=label)
        squared = {name: [value * scale.factor(PER_AREA) for value in values] for name, values in errors.items()}
        plots.error_over_time(folder / "attenuation_error.png", times, squared, time_label=label, unit=scale.unit(PER_AREA))


def _slices(path: Path, scores: Sequence[TimeScores], shown_planes: Planes, scale: Scale) -> None:
    """One plane at several times, or several planes where there is one time."""
    world_unit = scale.factor(LENGTH)
    columns = [scores[i] for i in equally_spaced(len(scores), SLICED_TIMES)]
    kinds = [kind for kind in ("truth", *RECONSTRUCTIONS) if any(kind in s.images for s in columns)]
    if len(scores) == 1:
        titles, rows = None, {kind: scores[0].images[kind] for kind in kinds}
    else:
        unknown = np.full_like(columns[0].images["forward"][0], np.nan)
        titles = [f"t = {s.time:g}" for s in columns]
        rows = {kind: [s.images[kind][0] if kind in s.images else unknown for s in columns] for kind in kinds}
    plots.slices(
        path,
        {kind: [image / world_unit for image in images] for kind, images in rows.items()},
        titles=titles,
        axis=shown_planes.axis,
        positions=[position * world_unit for position in shown_planes.positions()],
        half_width=world_unit,
        length_unit=scale.length_unit,
        attenuation_unit=ATTENUATION.unit(scale),
    )


def _curves(scores: Sequence[TimeScores], against_truth: str, between_scans: str) -> dict[str, list[float]]:
    """Figures over the times by their curve's name, under two keys of a record: of each kind against the truth, and of forward against backward.

    NaN where a figure does not exist at a time; a curve of nothing else is left out.
    """
    found = {kind: [(s.record[against_truth] or {}).get(kind) for s in scores] for kind in RECONSTRUCTIONS}
    found[plots.BETWEEN_SCANS] = [s.record[between_scans] for s in scores]
    curves = {name: [math.nan if value is None else value for value in values] for name, values in found.items()}
    return {name: values for name, values in curves.items() if any(map(math.isfinite, values))}
