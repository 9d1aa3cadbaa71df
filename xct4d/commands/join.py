"""`xct4d join RESULT RESULT ...`: the segments of an experiment of more than two full scans as one film and one evaluation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xct4d.analysis.scores import TimeScores
from xct4d.commands.experiment import Experiment
from xct4d.commands.joined_scores import joined_metrics
from xct4d.directions import RECONSTRUCTIONS
from xct4d.errors import InputError
from xct4d.io import ome_series, strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.progress import track
from xct4d.report import page, tables
from xct4d.report.headline import headline
from xct4d.report.provenance import provenance
from xct4d.report.score_figures import draw_over_time
from xct4d.report.volume_view import volume_views
from xct4d.report.words import time_label
from xct4d.selection import equally_spaced

SHOWN_TIMES = 21  # of the slider, at most
CORRELATION = (
    "Normalized (Pearson) correlation over all segments. Self-correlation compares the volumes carried from the two scans of a "
    "segment and needs no truth; the others compare each volume with the truth, where it is known."
)
ERROR = "Mean squared difference of attenuation over all segments: mismatch is that of the volumes carried from the two scans of a segment."
FIGURES = {  # what each says to those who cannot see it, and its caption
    "correlation": ("Curves of self-correlation, and of correlation with the known truth, over the time of the experiment.", CORRELATION),
    "attenuation_error": ("Curves of the mismatch of forward and backward, and of the mean squared error, over the same time.", ERROR),
}


@dataclass(frozen=True)
class Joined:
    """What `join` made."""

    folder: Path
    lines: list[str]  # what was found, for a person


def join(results: Sequence[str | Path], output: str | Path | None = None) -> Joined:
    """Write series/ (films), evaluation/ (metrics.json, figures) and report/report.html of an experiment into a folder.

    results: folders of finished results in the order of time, each from one full
    scan to the next. output: folder; None: FIRST_to_LAST beside the first.
    Films are hard links to the segments' volumes: no voxel is computed or
    rewritten. Raises InputError where the results do not follow
    each other, their volumes do not fit together, or the output cannot be
    written.
    """
    experiment = Experiment.open(results)
    folder = Path(output) if output is not None else _beside(experiment)
    _refuse_other_content(folder)
    films: dict[str, dict[float, Path]] = {
        kind: _film(experiment, kind) for kind in RECONSTRUCTIONS if all(kind in one.volumes for one in experiment.segments)
    }
    if not films:
        raise InputError(
            "have no reconstruction that all export",
            where=", ".join(str(one.folder) for one in experiment.segments),
            fix="give all the same export.kinds and run again",
        )
    with atomic_folder(folder) as temporary:
        for name in ("series", "evaluation", "report"):
            (temporary / name).mkdir()
        with track("join: films", len(films)) as progress:
            for kind, volumes in films.items():
                ome_series.join(list(volumes), list(volumes.values()), temporary / "series" / f"{kind}.zarr", experiment.scale)
                progress.advance()
        metrics = joined_metrics(experiment, folder / "evaluation")
        (temporary / "evaluation" / "metrics.json").write_text(strict_json.dumps(metrics, indent=1) + "\n")
        draw_over_time(temporary / "evaluation", [TimeScores(own["time"], own, {}) for own in metrics["times"]], experiment.scale)
        content = _content(experiment, metrics, films, temporary / "evaluation", folder)
        (temporary / "report" / "report.html").write_text(page.render(content), encoding="utf-8")
    return Joined(folder, [*_found(experiment), f"{content.headline.verdict} {content.headline.beside}"])


def _beside(experiment: Experiment) -> Path:
    first, last = (experiment.segments[index].folder for index in (0, -1))
    return first.parent / f"{first.name}_to_{last.name}"


def _refuse_other_content(folder: Path) -> None:
    """Raise InputError where a folder holds anything but an experiment that was joined earlier."""
    own = {"series", "evaluation", "report"}
    if folder.is_dir() and {path.name for path in folder.iterdir() if path.is_dir()} - own:
        raise InputError("holds something else", where=folder, fix="name another folder with --output")


def _film(experiment: Experiment, kind: str) -> dict[float, Path]:
    """The volumes of one reconstruction by experiment time, rising. A scan in the middle is that with which a segment begins, where it is exported."""
    found = {
        experiment.time(index, t): path
        for index, segment in enumerate(experiment.segments)
        for (name, t), path in segment.volume_folders.items()
        if name == kind
    }
    return dict(sorted(found.items()))


def _found(experiment: Experiment) -> list[str]:
    lines = []
    for index, segment in enumerate(experiment.segments):
        own = f"{segment.name}: t = {experiment.scans[index]:.4g} to {experiment.scans[index + 1]:.4g}"
        own += f"; its first scan and the last one before have a correlation of {experiment.agreement[index - 1]:.4f}" if index else ""
        lines.append(own)
    return lines


def _content(
    experiment: Experiment, metrics: Mapping[str, Any], films: Mapping[str, Mapping[float, Path]], evaluation: Path, folder: Path
) -> page.JoinedContent:
    """What the page says. evaluation: where the figures are; folder: where all will lie."""
    scale, shown = experiment.scale, next(iter(films.values()))
    times = [list(shown)[i] for i in equally_spaced(len(shown), SHOWN_TIMES)]
    volume, maxima = volume_views({t: shown[t] for t in times}, scale)
    figures = [page.figure(evaluation / f"{name}.png", *words) for name, words in FIGURES.items() if (evaluation / f"{name}.png").is_file()]
    agreement = ["", *(f"correlation {value:.4f}" for value in experiment.agreement)]
    segments = [
        page.Segment(
            own["dataset"],
            Path(os.path.relpath(segment.folder / "report" / "report.html", folder / "report")).as_posix(),
            f"{time_label(own['from'], scale)}, {time_label(own['to'], scale)}",
            said,
        )
        for own, segment, said in zip(metrics["segments"], experiment.segments, agreement, strict=True)
    ]
    return page.JoinedContent(
        title=f"{folder.name}: 4D reconstruction of {len(segments) + 1} scans",
        headline=headline(metrics, scale),
        segments=segments,
        times=[time_label(t, scale) for t in times],
        volume=volume,
        films=[maxima],
        quality=tables.quality(metrics, scale),
        held_out=tables.held_out(metrics),
        trust=tables.trust(metrics, scale),
        figures={"quality": figures},
        series=[(kind, f"{(folder / 'series' / kind).as_posix()}.zarr/", len(volumes)) for kind, volumes in films.items()],
        provenance=provenance(),
    )
