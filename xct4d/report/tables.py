"""What the page of a result says in words and tables."""

from __future__ import annotations

import csv
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xct4d.directions import RECONSTRUCTIONS
from xct4d.io.prepared import Frames
from xct4d.report.page import Page
from xct4d.units import LENGTH, Scale
from xct4d.version import VERSION

SAME = 1e-6  # times closer than this are the same: exported ones are those of the configuration, projections have the dataset's
SCORES = (("psnr", "PSNR (dB)", 1), ("ssim", "SSIM", 4))  # of held-out projections: key, label, digits
ERRORS = (("mean", "error"), ("p95", "95 % below"), ("true_mean", "moved"))  # of the displacement: key, label
PACKAGES = ("torch", "numba", "numpy", "scipy", "scikit-image", "zarr", "safetensors", "pydantic", "matplotlib")


def add_projections(page: Page, states: Mapping[str, Frames]) -> None:
    """How many projections there are, of which times and sizes, and the scale of the box."""
    page.heading("Projections")
    rows = []
    for state, frames in states.items():
        sizes = sorted({"{} x {}".format(*frames.size(f)) for f in range(len(frames))})
        held_out = int(frames.held_out.sum())
        rows.append(
            [state, str(len({float(t) for t in frames.frame_time()})), str(len(frames) - held_out), str(held_out), ", ".join(sizes)]
        )
    page.table(["", "times", "trained on", "held out", "pixels"], rows)
    first = next(iter(states.values()))
    scale = "The scale is unknown: lengths are in world units" if first.unit_mm is None else f"A world unit is {first.unit_mm:.5g} mm"
    page.note(f"{scale}; the box is two wide." + ("" if first.duration_s is None else f" From t = 0 to t = 1: {first.duration_s:.5g} s."))


def add_quality(page: Page, metrics: Mapping[str, Any], scale: Scale) -> None:
    """The scores of metrics.json, one row for each time; columns without a value are left out."""
    page.heading("Quality")
    columns = _columns(metrics, scale)
    shown = {label: cells for label, cells in columns.items() if any(cells)}
    page.table(list(shown), list(zip(*shown.values(), strict=True)))
    meaning = {
        "self-correlation": "Self-correlation: of the volumes carried from the first and from the second scan; needs no truth",
        "mixed": "Mixed, forward, backward: normalized correlation of each volume with the truth",
        "error": f"Error: mean distance ({scale.length_unit}) between where the motion takes material to and where it truly went; moved: how far it truly went",
        "PSNR (dB)": "PSNR, SSIM: of the held-out projections of that time",
    }
    page.note(" ".join(f"{text}." for label, text in meaning.items() if label in shown))
    mean = metrics["held_out"]["mean"]
    if mean["count"]:
        # equal images have no finite PSNR, images smaller than its window no SSIM
        known = [f"{label} {_number(mean[key], digits)}" for key, label, digits in SCORES if mean[key] is not None]
        page.note(f"All {mean['count']} held-out projections on average: {', '.join(known) or 'without a score'}.")


def add_trust(page: Page, metrics: Mapping[str, Any], scale: Scale) -> None:
    """The verdict on the motion at each time, and the figures behind it; nothing where nothing moves."""
    entries = [entry for entry in metrics["times"] if entry.get("trust")]
    if not entries:
        return
    page.heading("Trust in the motion")
    rows = []
    for entry in entries:
        trust = entry["trust"]
        deviation = trust["displacement_deviation"]["rms"]
        length = None if deviation is None else deviation * scale.factor(LENGTH)
        rows.append([f"{entry['time']:g}", _number(trust["normalised_residual"], 2), _number(length, 4), trust["verdict"]])
    page.table(["t", "normalised residual", f"deviation ({scale.length_unit})", "verdict"], rows)
    page.note(
        "Normalised residual: what the motion leaves of the projections near this time, over what the scans leave of theirs; "
        "about 1 where it explains them. Deviation: standard deviation of the displacement since t = 0 among motions that the data "
        "leave open, root mean square over the material; the volumes displacement_uncertainty hold it for each place. "
        "Self-correlation above does not see a wrong motion that both scans agree on."
    )


def _columns(metrics: Mapping[str, Any], scale: Scale) -> dict[str, list[str]]:
    """Cells of the table of quality by the head of their column, from top to bottom."""
    entries = metrics["times"]
    columns = {"t": [f"{entry['time']:g}" for entry in entries]}
    columns["self-correlation"] = [_number(entry["self_correlation"], 4) for entry in entries]
    for kind in RECONSTRUCTIONS:
        columns[kind] = [_number((entry["correlation"] or {}).get(kind), 4) for entry in entries]
    errors = [entry.get("displacement_error") or {} for entry in entries]
    for key, label in ERRORS:
        columns[label] = [_number(None if key not in error else error[key] * scale.factor(LENGTH), 4) for error in errors]
    held_out = [_of_time(metrics["held_out"]["times"], entry["time"]) for entry in entries]
    for key, label, digits in SCORES:
        columns[label] = [_number(scores.get(key), digits) for scores in held_out]
    return columns


def _of_time(entries: Sequence[dict[str, Any]], time: float) -> dict[str, Any]:
    """The entry nearest to a time, if it is of that time; else nothing."""
    nearest = min(entries, key=lambda entry: abs(entry["time"] - time), default=None)
    return nearest if nearest is not None and abs(nearest["time"] - time) < SAME else {}


def add_jobs(page: Page, jobs: Mapping[str, Path]) -> None:
    """Time and memory of each job, from Snakemake's benchmark files; a missing file leaves its row empty."""
    page.heading("Time and memory")
    rows, total = [], 0.0
    for name, path in jobs.items():
        record = _benchmark(path)
        seconds = record.get("s")
        total += seconds or 0.0
        rows.append([name, "" if seconds is None else _clock(seconds), _number(record.get("max_rss"), 0)])
    page.table(["job", "time", "memory (MB)"], [*rows, ["sum", _clock(total), ""]])
    page.note("Jobs that ran at the same time count each for itself. A job that was resumed shows its last run.")


def add_versions(page: Page) -> None:
    """Versions of this program and of the packages that it computes with."""
    page.heading("Versions")
    installed = [(name, importlib.metadata.version(name)) for name in PACKAGES]
    system = f"{platform.system()} {platform.machine()}"
    page.table(["", "version"], [("xct4d", VERSION), ("Python", platform.python_version()), *installed, ("system", system)])


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


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
