"""report: figures of every stage and one page with all that a reader of the result asks for."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from xct4d import config, plots
from xct4d.errors import InputError
from xct4d.fields import planes
from xct4d.fields.evolution import Evolution
from xct4d.io import prepared as prepared_frames
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_zarr import open_volume
from xct4d.page import Page
from xct4d.progress import track
from xct4d.strain import deformation_gradient, equivalent_strain, volume_change
from xct4d.version import VERSION

PIXELS = 200  # per side of a figure's plane
SOLID = 0.3  # of the densest material on the plane: strain is shown where there is more
SHOWN_PLANES = 6
SHOWN_TIMES = 5
MOVED_TIMES = 4
ARROWS = 20  # per side of a plane
SAME = 1e-6  # times closer than this are the same: exported ones are those of the configuration, projections have the dataset's
SCORES = (("psnr", "PSNR (dB)", 1), ("ssim", "SSIM", 4))  # of held-out projections: key, label, digits
PACKAGES = ("torch", "numba", "numpy", "scipy", "scikit-image", "zarr", "safetensors", "pydantic", "matplotlib")


@dataclass(frozen=True)
class Model:
    """The trained fields on the planes that the figures show, in the units of the data."""

    evolution: Evolution
    unit_mm: float | None

    @property
    def scale(self) -> float:
        return 1.0 if self.unit_mm is None else self.unit_mm

    @property
    def length(self) -> str:
        return "world unit" if self.unit_mm is None else "mm"

    def attenuation(self, points: np.ndarray, t: float, kind: config.Kind) -> np.ndarray:
        """A plane's image [v, u] of points [n n, 3], per unit of length."""
        values = self.evolution.attenuation(torch.from_numpy(points).float(), t, [kind])[kind]
        return _image(values.numpy()) / self.scale

    def carried(self, points: np.ndarray, t: float) -> np.ndarray:
        """Points [N, 3] carried from time 0 to t."""
        return self.evolution.flow(torch.from_numpy(points).float(), 0.0, t).double().numpy()


def report(
    *,
    dataset: str,
    canonical_forward: Path,
    canonical_backward: Path | None,
    velocity: Path | None,
    mixing: config.Mixing,
    mixer_folder: Path | None,
    volumes: Mapping[tuple[config.Kind, float], Path],
    prepared: Mapping[str, Path],
    evaluation: Path,
    jobs: Mapping[str, Path],
    configuration: Mapping[str, Any],
    captions: Mapping[str, str],
    output: Path,
) -> None:
    """Write report.html and the figures into `output`, a folder.

    canonical_forward to prepared: as `evaluate` takes them. evaluation: its
    output. jobs: Snakemake's benchmark file of each job by its name; a missing
    one leaves its row empty. configuration: all sections of the dataset, as
    plain values. captions: what each figure shows, by name, in the order of the
    page; a figure without one is an error. Raises InputError where an input is
    missing or damaged or the output cannot be written.
    """
    evolution = Evolution.load(canonical_forward, canonical_backward, velocity, mixing, mixer_folder)
    report_model(evolution, dataset, volumes, prepared, evaluation, jobs, configuration, captions, output)


def report_model(
    evolution: Evolution,
    dataset: str,
    volumes: Mapping[tuple[config.Kind, float], Path],
    prepared: Mapping[str, Path],
    evaluation: Path,
    jobs: Mapping[str, Path],
    configuration: Mapping[str, Any],
    captions: Mapping[str, str],
    output: Path,
) -> None:
    """`report` of a model in memory."""
    states = {state: prepared_frames.load(folder) for state, folder in prepared.items()}
    model = Model(evolution, next(iter(states.values())).unit_mm)
    metrics = _metrics(evaluation / "metrics.json")
    with atomic_folder(output) as folder:
        for state, source in prepared.items():
            _copy(source / "preview.png", folder / f"prepared_{state}.png")
        for source in sorted(evaluation.glob("*.png")):
            _copy(source, folder / source.name)
        _figures(folder, model, volumes)
        made = {path.stem for path in folder.glob("*.png")}
        if unknown := made - set(captions):
            raise ValueError(f"figures without a caption: {', '.join(sorted(unknown))}")
        page = Page(f"{dataset}: reconstruction" if evolution.static else f"{dataset}: 4D reconstruction")
        _projections(page, states, model)
        _quality(page, metrics, model)
        page.heading("Figures")
        for name in captions:
            if name in made:
                page.figure(folder / f"{name}.png", captions[name])
        _jobs(page, jobs)
        page.heading("Configuration")
        page.text(yaml.safe_dump(dict(configuration), sort_keys=False, allow_unicode=True))
        _versions(page)
        (folder / "report.html").write_text(page.html, encoding="utf-8")


def _figures(folder: Path, model: Model, volumes: Mapping[tuple[config.Kind, float], Path]) -> None:
    times = sorted({t for _, t in volumes})
    between = [t for t in times if 0 < t < 1]
    drawings = [lambda: _canonicals(folder / "canonical.png", model), lambda: _volumes(folder / "volumes.png", model, volumes, times)]
    if not model.evolution.static:
        drawings.append(lambda: _motion(folder / "motion.png", model, _some([t for t in times if t > 0] or [1.0], MOVED_TIMES)))
        if model.evolution.mixing_is_trained and between:
            drawings.append(lambda: _mixing(folder / "mixing.png", model, _some(between, MOVED_TIMES)))
    with track("report figures", len(drawings)) as progress:
        for draw in drawings:
            draw()
            progress.advance()


def _canonicals(path: Path, model: Model) -> None:
    """Both scans, plane by plane."""
    shown = planes.choose(model.evolution, PIXELS, SHOWN_PLANES)
    ends: dict[config.Kind, float] = {"forward": 0.0} if model.evolution.static else {"forward": 0.0, "backward": 1.0}
    rows = {f"{kind}, t = {t:g}": [model.attenuation(points, t, kind) for points in shown.points()] for kind, t in ends.items()}
    positions = [position * model.scale for position in shown.positions()]
    plots.slices(
        path, rows, titles=None, axis=shown.axis, positions=positions, half_width=model.scale,
        length_unit=model.length, attenuation_unit=f"1/{model.length}",
    )  # fmt: skip


def _volumes(path: Path, model: Model, volumes: Mapping[tuple[config.Kind, float], Path], times: list[float]) -> None:
    """The exported volume on three perpendicular planes."""
    exported = {kind for kind, _ in volumes}
    kind = next(kind for kind in ("mixed", "forward", "backward") if kind in exported)
    opened = [open_volume(volumes[kind, t]) for t in _some(times, SHOWN_TIMES)]
    rows = []
    for plane in planes.perpendicular(model.evolution, opened[0].shape[0]):
        where = plane.axis * (slice(None),) + (plane.indices[0],)
        rows.append((plane, [volume[where] for volume in opened]))
    top = float(np.percentile(np.concatenate([image.ravel() for _, images in rows for image in images]), 99.9)) or 1.0
    titles = [f"t = {t:g}" for t in _some(times, SHOWN_TIMES)]
    drawn = [
        plots.Row(kind, plane.axis, plane.positions()[0] * model.scale, images, f"attenuation (1/{model.length})", (0.0, top))
        for plane, images in rows
    ]  # fmt: skip
    plots.maps(path, drawn, titles, half_width=model.scale, length_unit=model.length)


def _motion(path: Path, model: Model, times: list[float]) -> None:
    """Displacement and strain of the material of the first scan, drawn where it was at t = 0."""
    plane = planes.choose(model.evolution, PIXELS, 1)
    (points,) = plane.points()
    density = model.attenuation(points, 0.0, "forward").ravel()
    solid = density > SOLID * np.quantile(density, 0.999)
    material = points[solid]
    step = 0.25 * 2 / (model.evolution.velocity.resolution - 3)  # a quarter of the control points' spacing
    right, up = ((0, 1), (0, 2), (1, 2))[plane.axis]  # components in the plane
    grid = np.arange(PIXELS**2).reshape(PIXELS, PIXELS)[PIXELS // ARROWS // 2 :: PIXELS // ARROWS, PIXELS // ARROWS // 2 :: PIXELS // ARROWS]
    pointed = grid.ravel()[solid[grid.ravel()]]
    moved, arrows, grown, sheared = [], [], [], []
    for t in times:
        gradient = deformation_gradient(lambda p, t=t: model.carried(p, t), material, step)
        displacement = np.zeros_like(points)
        displacement[solid] = (model.carried(material, t) - material) * model.scale
        moved.append(_masked(np.linalg.norm(displacement[solid], axis=1), solid))
        arrows.append(np.concatenate([points[pointed][:, [right, up]] * model.scale, displacement[pointed][:, [right, up]]], axis=1))
        grown.append(_masked(volume_change(gradient), solid))
        sheared.append(_masked(equivalent_strain(gradient), solid))
    position = plane.positions()[0] * model.scale
    most = {name: max(float(np.nanpercentile(np.abs(images), 99.5)), 1e-6) for name, images in (("moved", moved), ("grown", grown), ("sheared", sheared))}
    plots.maps(
        path,
        [
            plots.Row("displacement", plane.axis, position, moved, f"displacement ({model.length})", (0.0, most["moved"]), "viridis", arrows),
            plots.Row("volume change", plane.axis, position, grown, "det F - 1", (-most["grown"], most["grown"]), "RdBu_r"),
            plots.Row("equivalent strain", plane.axis, position, sheared, "equivalent strain", (0.0, most["sheared"]), "viridis"),
        ],
        [f"from t = 0 to {t:g}" for t in times], half_width=model.scale, length_unit=model.length,
    )  # fmt: skip


def _mixing(path: Path, model: Model, times: list[float]) -> None:
    """The weight of the backward field, where there is material."""
    plane = planes.choose(model.evolution, PIXELS, 1)
    (points,) = plane.points()
    images = []
    for t in times:
        density = model.attenuation(points, t, "mixed").ravel()
        solid = density > SOLID * np.quantile(density, 0.999)
        images.append(_masked(model.evolution.alpha(torch.from_numpy(points[solid]).float(), t).numpy(), solid))
    row = plots.Row("mixing", plane.axis, plane.positions()[0] * model.scale, images, "weight of the backward field", (0.0, 1.0), "PuOr")
    plots.maps(path, [row], [f"t = {t:g}" for t in times], half_width=model.scale, length_unit=model.length)


def _projections(page: Page, states: Mapping[str, prepared_frames.Frames], model: Model) -> None:
    page.heading("Projections")
    rows = []
    for state, frames in states.items():
        sizes = sorted({"{} x {}".format(*frames.size(f)) for f in range(len(frames))})
        held_out = int(frames.held_out.sum())
        rows.append([state, str(len({float(t) for t in frames.frame_time()})), str(len(frames) - held_out), str(held_out), ", ".join(sizes)])
    page.table(["", "times", "trained on", "held out", "pixels"], rows)
    first = next(iter(states.values()))
    scale = "The scale is unknown: lengths are in world units" if model.unit_mm is None else f"A world unit is {model.unit_mm:.5g} mm"
    page.note(f"{scale}; the box is two wide." + ("" if first.duration_s is None else f" From t = 0 to t = 1: {first.duration_s:.5g} s."))


def _quality(page: Page, metrics: dict[str, Any], model: Model) -> None:
    page.heading("Quality")
    moments = metrics["times"]
    columns: dict[str, list[str]] = {"t": [f"{moment['time']:g}" for moment in moments]}
    columns["self-correlation"] = [_number(moment["self_correlation"], 4) for moment in moments]
    for kind in ("mixed", "forward", "backward"):
        columns[kind] = [_number((moment["correlation"] or {}).get(kind), 4) for moment in moments]
    errors = [moment.get("displacement_error") or {} for moment in moments]
    for key, label in (("mean", "error"), ("p95", "95 % below"), ("true_mean", "moved")):
        columns[label] = [_number(None if key not in error else error[key] * model.scale, 4) for error in errors]
    held_out = [_of_time(metrics["held_out"]["times"], moment["time"]) for moment in moments]
    for key, label, digits in SCORES:
        columns[label] = [_number(scores.get(key), digits) for scores in held_out]
    shown = {label: cells for label, cells in columns.items() if any(cells)}
    page.table(list(shown), list(zip(*shown.values(), strict=True)))
    mean = metrics["held_out"]["mean"]
    meaning = {
        "self-correlation": "Self-correlation: of the volumes carried from the first and from the second scan; needs no truth",
        "mixed": "Mixed, forward, backward: normalized correlation of each volume with the truth",
        "error": f"Error: mean distance ({model.length}) between where the motion takes material to and where it truly went; moved: how far it truly went",
        "PSNR (dB)": "PSNR, SSIM: of the held-out projections of that time",
    }
    page.note(" ".join(f"{text}." for label, text in meaning.items() if label in shown))
    if mean["count"]:
        # equal images have no finite PSNR, images smaller than its window no SSIM
        known = [f"{label} {_number(mean[key], digits)}" for key, label, digits in SCORES if mean[key] is not None]
        page.note(f"All {mean['count']} held-out projections on average: {', '.join(known) or 'without a score'}.")


def _of_time(entries: list[dict[str, Any]], time: float) -> dict[str, Any]:
    """The entry nearest to a time, if it is of that time; else nothing."""
    nearest = min(entries, key=lambda entry: abs(entry["time"] - time), default=None)
    return nearest if nearest is not None and abs(nearest["time"] - time) < SAME else {}


def _jobs(page: Page, jobs: Mapping[str, Path]) -> None:
    page.heading("Time and memory")
    rows, total = [], 0.0
    for name, path in jobs.items():
        record = _benchmark(path)
        seconds = record.get("s")
        total += seconds or 0.0
        rows.append([name, "" if seconds is None else _clock(seconds), _number(record.get("max_rss"), 0)])
    page.table(["job", "time", "memory (MB)"], [*rows, ["sum", _clock(total), ""]])
    page.note("Jobs that ran at the same time count each for itself. A job that was resumed shows its last run.")


def _versions(page: Page) -> None:
    page.heading("Versions")
    installed = [(name, importlib.metadata.version(name)) for name in PACKAGES]
    page.table(["", "version"], [("xct4d", VERSION), ("Python", platform.python_version()), *installed, ("system", f"{platform.system()} {platform.machine()}")])


def _benchmark(path: Path) -> dict[str, float]:
    """The numbers of Snakemake's benchmark file: of the last run, where it was repeated; none where there is no file."""
    if not path.is_file():
        return {}
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = {}
    for key, text in (rows[-1] if rows else {}).items():
        try:
            found[key] = float(text)
        except (TypeError, ValueError):  # "h:m:s", or NA of a job too short to be measured
            continue
    return found


def _metrics(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="delete its folder and evaluate again") from None


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise InputError("is missing", where=source, fix="delete its folder and run the workflow again") from None


def _image(values: np.ndarray) -> np.ndarray:
    return values.reshape(PIXELS, PIXELS)


def _masked(values: np.ndarray, solid: np.ndarray) -> np.ndarray:
    image = np.full(len(solid), np.nan)
    image[solid] = values
    return _image(image)


def _some(items: list[float], most: int) -> list[float]:
    """At most `most`, first and last among them, as even as they come."""
    return [items[i] for i in sorted(set(np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int).tolist()))]


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
