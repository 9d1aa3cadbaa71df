"""report: one page with figures of every stage, quality, time and memory of the jobs, configuration and versions."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xct4d.directions import RECONSTRUCTIONS, Reconstruction
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.io import prepared as prepared_frames
from xct4d.io.atomic import atomic_folder
from xct4d.io.digests import check_file
from xct4d.io.scale import load_scale
from xct4d.io.stage_records import read_metrics
from xct4d.report import result_record
from xct4d.report.model_figures import ShownModel, draw_model
from xct4d.report.page import Page
from xct4d.report.result_record import ResultRecord
from xct4d.report.tables import add_jobs, add_projections, add_quality, add_trust, add_versions


def report(
    *,
    dataset: str,
    model: TrainedModel,
    volumes: Mapping[tuple[Reconstruction, float], Path],
    derived: Mapping[tuple[str, float], Path],
    prepared: Mapping[str, Path],
    evaluation: Path,
    trust: Path | None,
    training: Mapping[str, Path],
    jobs: Mapping[str, Path],
    configuration: Mapping[str, Any],
    captions: Mapping[str, str],
    output: Path,
) -> None:
    """Write report.html, its figures and the record by which `xct4d.open` opens the result into `output`, a folder.

    volumes, prepared, training: as `evaluate` takes them. derived: the volume
    that `analyse` wrote of each quantity and time. evaluation, trust: outputs
    of these stages; trust is None where nothing moves. jobs: Snakemake's benchmark file of each job by its name; a
    missing one leaves its row empty. configuration: all sections of the
    dataset, as plain values. captions: what each figure shows, by name, in the
    order of the page; a figure without one is an error. Raises InputError where
    an input is missing or damaged or the output cannot be written.
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
    report_model(Evolution.load(model), record, prepared, jobs, captions, output)


def report_model(
    evolution: Evolution,
    record: ResultRecord,
    prepared: Mapping[str, Path],
    jobs: Mapping[str, Path],
    captions: Mapping[str, str],
    output: Path,
) -> None:
    """`report` of a model in memory; record: all that belongs to the result."""
    states = {state: prepared_frames.load(folder) for state, folder in prepared.items()}
    metrics = read_metrics(record.evaluation / "metrics.json")
    volumes = {(name, t): path for (name, t), path in record.volumes.items() if name in RECONSTRUCTIONS}
    with atomic_folder(output) as folder:
        for state, source in prepared.items():
            copy_figure(source / "preview.png", folder / f"prepared_{state}.png")
        for source in sorted(record.evaluation.glob("*.png")):
            copy_figure(source, folder / source.name)
        draw_model(folder, ShownModel(evolution, record.scale), volumes)
        made = {path.stem for path in folder.glob("*.png")}
        if unknown := made - set(captions):
            raise ValueError(f"figures without a caption: {', '.join(sorted(unknown))}")
        page = Page(f"{record.dataset}: reconstruction" if evolution.static else f"{record.dataset}: 4D reconstruction")
        add_projections(page, states)
        add_quality(page, metrics, record.scale)
        add_trust(page, metrics, record.scale)
        page.heading("Figures")
        for name in captions:
            if name in made:
                page.figure(folder / f"{name}.png", captions[name])
        add_jobs(page, jobs)
        page.heading("Configuration")
        page.text(yaml.safe_dump(dict(record.configuration), sort_keys=False, allow_unicode=True))
        add_versions(page)
        (folder / "report.html").write_text(page.html, encoding="utf-8")
        record.save(folder / result_record.NAME, beside=output)


def copy_figure(source: Path, target: Path) -> None:
    """Copy a figure of another stage. Raises InputError where it is missing or damaged."""
    check_file(source)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise InputError("is missing", where=source, fix="delete its folder and run the workflow again") from None
