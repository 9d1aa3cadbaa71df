"""Scores of projections, held-out ones above all, against their predictions by a trained model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from xct4d import metrics
from xct4d.analysis.projections import render_kinds
from xct4d.directions import SCAN_TIME
from xct4d.fields.evolution import Evolution
from xct4d.io.prepared import Frames
from xct4d.progress import track
from xct4d.selection import equally_spaced

SCORED_PIXELS = 2**18  # of a projection, at most: of a larger one each second or third of each second or third row


@dataclass(frozen=True)
class PredictedProjection:
    """A projection beside its prediction, both [h, w] transmission."""

    title: str
    predicted: np.ndarray
    measured: np.ndarray


def score_projections(
    evolution: Evolution, states: Mapping[str, Frames], shown: int, *, held_out: bool = True
) -> tuple[dict[str, Any], list[PredictedProjection]]:
    """(scores as metrics.json has them, at most `shown` of the projections with their predictions).

    states: prepared projections, whose held-out frames, or those that were
    trained on, are scored in order of their times: against what the result
    predicts and, those of the sequence, against what each scan alone does; of a
    projection with a mask the pixels that count. The model's flat field is that
    of the sequence: of a scan whose files declare another I0 the prediction is
    as much brighter or darker.
    """
    kind = evolution.kinds[0]
    brightness = {state: frames.flat_field / states.get("between", frames).flat_field for state, frames in states.items()}
    asked = [
        (float(frames.frame_time()[f]), state, f)
        for state, frames in states.items()
        for f in np.flatnonzero(frames.held_out == held_out).tolist()
    ]
    asked.sort()
    chosen = set(equally_spaced(len(asked), shown))
    scores, pictures = [], []
    title = f"evaluate {'held-out projections' if held_out else 'projections trained on'}"
    with track(title, len(asked)) as progress:
        for i, (time, state, f) in enumerate(asked):
            frames = states[state]
            stride = math.ceil(math.sqrt(math.prod(frames.size(f)) / SCORED_PIXELS))
            directions = tuple(evolution.scans) if state == "between" and evolution.mixes else ()
            rendered = render_kinds(evolution, frames, f, [kind, *directions], stride=stride)
            predicted = {name: image * np.float32(brightness[state]) for name, image in rendered.items()}
            measured, mask = frames.image(f)[::stride, ::stride], frames.mask(f)
            counts = None if mask is None else mask[::stride, ::stride]
            scored = {name: _scored(image, measured, counts) for name, image in predicted.items()}
            scores.append({"state": state, "name": frames.name[f], "time": time} | scored.pop(kind) | scored)
            if i in chosen:
                pictures.append(PredictedProjection(f"t = {time:.3g}, {frames.name[f]}", predicted[kind], measured))
            progress.advance()
    return summary(scores), pictures


def _scored(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None) -> dict[str, Any]:
    return {"psnr": metrics.psnr(predicted, measured, mask), "ssim": metrics.ssim(predicted, measured, mask)}


def summary(projections: list[dict[str, Any]]) -> dict[str, Any]:
    """Scores of projections as metrics.json has them: their means over all, at each time, and each alone."""
    times = sorted({p["time"] for p in projections})
    return {
        "mean": _mean(projections),
        "times": [{"time": t} | _mean([p for p in projections if p["time"] == t]) for t in times],
        "projections": projections,
    }


def _mean(projections: list[dict[str, Any]]) -> dict[str, Any]:
    by_direction = {direction: [p[direction] for p in projections if direction in p] for direction in SCAN_TIME}
    return {"count": len(projections)} | _means(projections) | {name: _means(scores) for name, scores in by_direction.items() if scores}


def _means(scores: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: float(np.mean([own[key] for own in scores])) if scores else None for key in ("psnr", "ssim")}
