"""evaluate: scores of a trained model, and figures of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from xct4d import config
from xct4d.analysis.classical import score_classical
from xct4d.analysis.projection_scores import score_projections
from xct4d.analysis.scored_region import ScoredRegion
from xct4d.analysis.scores import score_time
from xct4d.analysis.trust import TrustScores
from xct4d.device import HOST
from xct4d.directions import Reconstruction
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.io import prepared as prepared_frames
from xct4d.io import strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_zarr import open_volume
from xct4d.io.stage_records import read_history
from xct4d.phantom.known import KnownTruth
from xct4d.progress import track
from xct4d.report import planes
from xct4d.report.score_figures import draw_scores
from xct4d.stages.export import check_available
from xct4d.units import Scale

SHOWN_PROJECTIONS = 3
SHOWN_PLANES = 6  # of a single time


def evaluate(
    *,
    model: TrainedModel,
    volumes: Mapping[tuple[Reconstruction, float], Path],
    prepared: Mapping[str, Path],
    truth: KnownTruth | None,
    settings: config.Evaluate,
    output: Path,
    training: Mapping[str, Path] | None = None,
    trust: Path | None = None,
    region: ScoredRegion | None = None,
    device: torch.device = HOST,
) -> None:
    """Write metrics.json and the figures into `output`, a folder.

    volumes: the exported volume of each kind and time; these times are scored,
    and those of which `truth` has a measured volume. prepared: the prepared
    projections of each state, whose held-out frames are scored. truth: what is
    known of the sample. training: stage outputs with a history.json, by the
    titles their curves get ("canonical forward", "velocity 9", "mixing").
    trust: output folder of that stage, where something moves. region: where
    volumes and motion are scored; all of the box if None. device: where the
    model is computed. Raises InputError where an input is missing or damaged or
    the output cannot be written.
    """
    histories = {title: read_history(Path(folder) / "history.json") for title, folder in (training or {}).items()}
    scores = None if trust is None else TrustScores.load(trust)
    evaluate_model(Evolution.load(model, device), volumes, prepared, truth, settings, output, histories, scores, region)


def evaluate_model(
    evolution: Evolution,
    volumes: Mapping[tuple[Reconstruction, float], Path],
    prepared: Mapping[str, Path],
    truth: KnownTruth | None,
    settings: config.Evaluate,
    output: Path,
    histories: Mapping[str, dict[str, Any]],
    trust: TrustScores | None = None,
    region: ScoredRegion | None = None,
) -> None:
    """`evaluate` of a model in memory; histories: contents of history.json by title."""
    states = {state: prepared_frames.load(folder) for state, folder in prepared.items()}
    first = next(iter(states.values()))
    times = _scored_times(evolution, volumes, truth)
    shown_planes = planes.choose(evolution, settings.resolution, SHOWN_PLANES if len(times) == 1 else 1)
    with atomic_folder(output) as folder:
        scores = []
        with track("evaluate volumes", len(times)) as progress:
            for t in times:
                exported = {kind: open_volume(path) for (kind, at), path in volumes.items() if at == t}
                scores.append(score_time(evolution, exported, t, truth, settings.resolution, shown_planes.cut, region))
                if trust is not None:
                    scores[-1].record["trust"] = trust.at(evolution, t, first.unit_mm)
                progress.advance()
        held_out, shown = score_projections(evolution, states, SHOWN_PROJECTIONS)
        record = {
            "resolution": settings.resolution,
            "static": evolution.static,
            "second_scan": evolution.mixes,
            "truth": truth is not None,
            "region": None if region is None else region.settings.model_dump(mode="json", exclude_none=True),
            "unit_mm": first.unit_mm,
            "duration_s": first.duration_s,
            "times": [score.record for score in scores],
            "held_out": held_out,
            "classical": score_classical(settings.classical, evolution, states, truth, settings.resolution) if settings.classical else None,
            "trained_on": score_projections(evolution, states, 0, held_out=False)[0] if settings.trained_projections else None,
        }
        (folder / "metrics.json").write_text(strict_json.dumps(record, indent=1) + "\n")
        draw_scores(folder, scores, shown_planes, Scale(first.unit_mm, first.duration_s), shown, histories)


def _scored_times(evolution: Evolution, volumes: Mapping[tuple[Reconstruction, float], Path], truth: KnownTruth | None) -> list[float]:
    """The exported times, and those of measured volumes, rising. Raises InputError where there are none, or one is of another scan."""
    exported = {t for _, t in volumes}
    if not exported:
        raise InputError("no volumes to score", where="export.times")
    for kind, t in volumes:
        check_available(evolution, t, [kind], "export")
    measured = () if truth is None else truth.times
    if evolution.static and (others := [t for t in measured if t != 0]):
        raise InputError(f"a dataset of one scan has no t = {others[0]:g}", where="input.truth.volumes", fix="remove it")
    return sorted({*exported, *measured})
