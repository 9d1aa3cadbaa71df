"""Figures of a model's scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xct4d.analysis.held_out_scores import PredictedProjection
from xct4d.analysis.scores import TimeScores
from xct4d.directions import RECONSTRUCTIONS
from xct4d.quantities import ATTENUATION
from xct4d.report import plots
from xct4d.report.planes import Planes
from xct4d.selection import equally_spaced
from xct4d.units import LENGTH, TIME, Scale

SLICED_TIMES = 7  # columns of the figure of slices, at most


def draw_scores(
    folder: Path,
    scores: Sequence[TimeScores],
    shown_planes: Planes,
    scale: Scale,
    held_out: Sequence[PredictedProjection],
    histories: Mapping[str, dict[str, Any]],
) -> None:
    """Write slices.png, and correlation.png, held_out.png and training.png where there is something to draw.

    scale: of the dataset. histories: contents of history.json by the title of a
    training.
    """
    _slices(folder / "slices.png", scores, shown_planes, scale)
    curves = _curves(scores)
    if curves and len(scores) > 1:
        duration = scale.factor(TIME)
        label = "t (first scan 0, last scan 1)" if scale.duration_s is None else "time (s)"
        plots.correlation_over_time(folder / "correlation.png", [s.time * duration for s in scores], curves, time_label=label)
    if held_out:
        plots.held_out(folder / "held_out.png", [(p.title, p.predicted, p.measured) for p in held_out])
    if histories:
        plots.training_curves(folder / "training.png", dict(histories))


def _slices(path: Path, scores: Sequence[TimeScores], shown_planes: Planes, scale: Scale) -> None:
    """One plane at several times, or several planes where there is one time."""
    world_unit = scale.factor(LENGTH)
    kinds = [kind for kind in ("truth", *RECONSTRUCTIONS) if kind in scores[0].images]
    if len(scores) == 1:
        titles, rows = None, {kind: scores[0].images[kind] for kind in kinds}
    else:
        columns = [scores[i] for i in equally_spaced(len(scores), SLICED_TIMES)]
        titles, rows = [f"t = {s.time:g}" for s in columns], {kind: [s.images[kind][0] for s in columns] for kind in kinds}
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


def _curves(scores: Sequence[TimeScores]) -> dict[str, list[float]]:
    """Correlations over the times, by kind."""
    curves: dict[str, list[float]] = {}
    for score in scores:
        for kind, value in (score.record["correlation"] or {}).items():
            curves.setdefault(kind, []).append(value)
        if score.record["self_correlation"] is not None:
            curves.setdefault("self-correlation", []).append(score.record["self_correlation"])
    return curves
