"""report: one page with films and figures of every stage, quality, time and memory of the jobs, configuration and versions."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xct4d.analysis.uncertainty import Motions
from xct4d.directions import RECONSTRUCTIONS, Reconstruction
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.io import prepared as prepared_frames
from xct4d.io.atomic import atomic_folder
from xct4d.io.digests import check_file
from xct4d.io.prepared import Frames
from xct4d.io.scale import load_scale
from xct4d.io.stage_records import read_calibration, read_metrics
from xct4d.phantom.known import KnownTruth
from xct4d.report import page, result_record, tables
from xct4d.report.facts import facts
from xct4d.report.geometry_drawing import drawing
from xct4d.report.headline import headline
from xct4d.report.model_figures import ShownModel, draw_model
from xct4d.report.motion_film import motion_film
from xct4d.report.provenance import provenance
from xct4d.report.result_record import ResultRecord
from xct4d.report.slice_film import slice_film
from xct4d.report.volume_view import volume_views
from xct4d.report.words import time_label
from xct4d.selection import equally_spaced

SHOWN_TIMES = 21  # of the slider, at most


def report(
    *,
    dataset: str,
    model: TrainedModel,
    volumes: Mapping[tuple[Reconstruction, float], Path],
    derived: Mapping[tuple[str, float], Path],
    prepared: Mapping[str, Path],
    truth: KnownTruth | None,
    evaluation: Path,
    trust: Path | None,
    calibration: Path | None,
    training: Mapping[str, Path],
    jobs: Mapping[str, Path],
    configuration: Mapping[str, Any],
    captions: Mapping[str, Mapping[str, str]],
    output: Path,
) -> None:
    """Write report.html, its figures and the record by which `xct4d.open` opens the result into `output`, a folder.

    volumes, prepared, truth, training: as `evaluate` takes them. derived: the
    volume that `analyse` wrote of each quantity and time. evaluation, trust,
    calibration: outputs of these stages; the latter two are None where the dataset has no such stage. jobs: Snakemake's
    benchmark file of each job by its name; a missing one leaves its row empty.
    configuration: the dataset's input and all sections, as plain values.
    captions: of each figure by its name, in the order of the page, its
    `section`, `alt` and `caption`; a figure without them is an error. Raises
    InputError where an input is missing or damaged or the output cannot be
    written.
    """
    record = ResultRecord(
        dataset=dataset,
        model=model,
        scale=load_scale(prepared["forward"]),
        volumes={key: path for paths in (volumes, derived) for key, path in paths.items()},
        evaluation=evaluation,
        trust=trust,
        training=training,
        configuration=configuration,
    )
    report_model(Evolution.load(model), record, prepared, jobs, captions, output, truth, calibration)


def report_model(
    evolution: Evolution,
    record: ResultRecord,
    prepared: Mapping[str, Path],
    jobs: Mapping[str, Path],
    captions: Mapping[str, Mapping[str, str]],
    output: Path,
    truth: KnownTruth | None = None,
    calibration: Path | None = None,
) -> None:
    """`report` of a model in memory; record: all that belongs to the result."""
    states = {state: prepared_frames.load(folder) for state, folder in prepared.items()}
    metrics = read_metrics(record.evaluation / "metrics.json")
    volumes = {(name, t): path for (name, t), path in record.volumes.items() if name in RECONSTRUCTIONS}
    shown = ShownModel(evolution, record.scale)
    with atomic_folder(output) as folder:
        for state, source in prepared.items():
            copy_figure(source / "preview.png", folder / f"prepared_{state}.png")
        for source in sorted(record.evaluation.glob("*.png")):
            copy_figure(source, folder / source.name)
        draw_model(folder, shown, volumes)
        figures = captioned(folder, captions)
        content = content_of(shown, record, states, metrics, jobs, figures, output.parent, truth, calibration)
        (folder / "report.html").write_text(page.render(content), encoding="utf-8")
        record.save(folder / result_record.NAME, beside=output)


def content_of(
    shown: ShownModel,
    record: ResultRecord,
    states: Mapping[str, Frames],
    metrics: Mapping[str, Any],
    jobs: Mapping[str, Path],
    figures: Mapping[str, list[page.Figure]],
    results: Path,
    truth: KnownTruth | None,
    calibration: Path | None,
) -> page.Content:
    """What the page says. results: folder of the dataset's results."""
    static = shown.evolution.static
    calibrated = [] if calibration is None else read_calibration(calibration / "calibration.json")
    exported = volumes_shown(record)
    times = [list(exported)[i] for i in equally_spaced(len(exported), SHOWN_TIMES)]
    volume, maxima = volume_views({t: exported[t] for t in times}, record.scale)
    films = [maxima, slice_film(shown, times, truth)]
    if not static:
        films.append(motion_film(shown, None if record.trust is None else Motions.load(record.trust), times))
    return page.Content(
        title=f"{record.dataset}: reconstruction" if static else f"{record.dataset}: 4D reconstruction",
        dataset=record.dataset,
        static=static,
        headline=headline(metrics, record.scale),
        facts=facts(states, exported[times[0]], record.scale, record.configuration, calibrated),
        drawing=drawing(states),
        times=[time_label(t, record.scale) for t in times],
        volume=volume,
        films=films,
        quality=tables.quality(metrics, record.scale),
        held_out=tables.held_out(metrics),
        classical=tables.classical(metrics),
        trust=tables.trust(metrics, record.scale),
        figures=figures,
        stages=tables.stages(jobs),
        jobs=tables.jobs(jobs),
        volumes=_folders(record),
        results=results.as_posix(),
        configuration=yaml.safe_dump(dict(record.configuration), sort_keys=False, allow_unicode=True),
        provenance=provenance(),
    )


def volumes_shown(record: ResultRecord) -> dict[float, Path]:
    """The exported volume that is shown, of each time in order: mixed, where it was exported."""
    names = {name for name, _ in record.volumes}
    kind = next(kind for kind in RECONSTRUCTIONS if kind in names)
    return {t: record.volumes[kind, t] for t in sorted(t for name, t in record.volumes if name == kind)}


def captioned(folder: Path, captions: Mapping[str, Mapping[str, str]]) -> dict[str, list[page.Figure]]:
    """The figures in a folder by their section of the page. Raises ValueError where one has no caption."""
    made = {path.stem for path in folder.glob("*.png")}
    if unknown := made - set(captions):
        raise ValueError(f"figures without a caption: {', '.join(sorted(unknown))}")
    figures: dict[str, list[page.Figure]] = {}
    for name, own in captions.items():
        if name in made:
            figures.setdefault(own["section"], []).append(page.figure(folder / f"{name}.png", own["alt"], own["caption"]))
    return figures


def copy_figure(source: Path, target: Path) -> None:
    """Copy a figure of another stage. Raises InputError where it is missing or damaged."""
    check_file(source)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise InputError("is missing", where=source, fix="delete its folder and run the workflow again") from None


def _folders(record: ResultRecord) -> list[tuple[str, str, int]]:
    """What volumes hold, their folder, and the number of times."""
    names = dict.fromkeys(name for name, _ in record.volumes)
    own = {name: [path for (other, _), path in record.volumes.items() if other == name] for name in names}
    return [(name.replace("_", " "), f"{paths[0].parent.as_posix()}/", len(paths)) for name, paths in own.items()]
