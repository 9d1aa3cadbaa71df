"""report: figures of every stage, and one page with all that a reader of the result asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xct4d.config import Kind
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.trained_model import TrainedModel
from xct4d.io import prepared as prepared_frames
from xct4d.io.atomic import atomic_folder
from xct4d.report.model_figures import ShownModel, draw_model
from xct4d.report.page import Page
from xct4d.report.tables import add_jobs, add_projections, add_quality, add_versions
from xct4d.report.units import Units


def report(
    *,
    dataset: str,
    model: TrainedModel,
    volumes: Mapping[tuple[Kind, float], Path],
    prepared: Mapping[str, Path],
    evaluation: Path,
    jobs: Mapping[str, Path],
    configuration: Mapping[str, Any],
    captions: Mapping[str, str],
    output: Path,
) -> None:
    """Write report.html and the figures into `output`, a folder.

    volumes, prepared: as `evaluate` takes them. evaluation: its output. jobs:
    Snakemake's benchmark file of each job by its name; a missing one leaves its
    row empty. configuration: all sections of the dataset, as plain values.
    captions: what each figure shows, by name, in the order of the page; a
    figure without one is an error. Raises InputError where an input is missing
    or damaged or the output cannot be written.
    """
    report_model(Evolution.load(model), dataset, volumes, prepared, evaluation, jobs, configuration, captions, output)


def report_model(
    evolution: Evolution,
    dataset: str,
    volumes: Mapping[tuple[Kind, float], Path],
    prepared: Mapping[str, Path],
    evaluation: Path,
    jobs: Mapping[str, Path],
    configuration: Mapping[str, Any],
    captions: Mapping[str, str],
    output: Path,
) -> None:
    """`report` of a model in memory."""
    states = {state: prepared_frames.load(folder) for state, folder in prepared.items()}
    units = Units(next(iter(states.values())).unit_mm)
    metrics = read_metrics(evaluation / "metrics.json")
    with atomic_folder(output) as folder:
        for state, source in prepared.items():
            copy_figure(source / "preview.png", folder / f"prepared_{state}.png")
        for source in sorted(evaluation.glob("*.png")):
            copy_figure(source, folder / source.name)
        draw_model(folder, ShownModel(evolution, units), volumes)
        made = {path.stem for path in folder.glob("*.png")}
        if unknown := made - set(captions):
            raise ValueError(f"figures without a caption: {', '.join(sorted(unknown))}")
        page = Page(f"{dataset}: reconstruction" if evolution.static else f"{dataset}: 4D reconstruction")
        add_projections(page, states)
        add_quality(page, metrics, units)
        page.heading("Figures")
        for name in captions:
            if name in made:
                page.figure(folder / f"{name}.png", captions[name])
        add_jobs(page, jobs)
        page.heading("Configuration")
        page.text(yaml.safe_dump(dict(configuration), sort_keys=False, allow_unicode=True))
        add_versions(page)
        (folder / "report.html").write_text(page.html, encoding="utf-8")


def read_metrics(path: Path) -> dict[str, Any]:
    """The scores that `evaluate` wrote. Raises InputError where the file is missing or damaged."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="delete its folder and evaluate again") from None


def copy_figure(source: Path, target: Path) -> None:
    """Copy a figure of another stage. Raises InputError where it is missing."""
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise InputError("is missing", where=source, fix="delete its folder and run the workflow again") from None
