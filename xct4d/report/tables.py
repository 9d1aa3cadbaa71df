"""What the page of a result says in tables."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xct4d.directions import RECONSTRUCTIONS
from xct4d.units import LENGTH, PER_AREA, Scale

SAME = 1e-6  # times closer than this are the same: exported ones are those of the configuration, projections have the dataset's
SCORES = (("psnr", "PSNR (dB)", 1), ("ssim", "SSIM", 4))  # of held-out projections: key, label, digits
TRUE = ("correlation", "correlation with the truth", 4)  # likewise, of a classical reconstruction
CALLED = {"xct4d": "canonical", "fdk": "FDK", "sirt": "SIRT"}
SQUARES = (("mismatch", "mismatch"), ("mean_squared_error", "squared error"))  # of attenuation: key, label
ALONE = {"forward": "first", "backward": "second"}  # the scan of each direction
ERRORS = (("mean", "error"), ("p95", "95 % below"), ("true_mean", "moved"))  # of the displacement: key, label


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column is aligned to the left, the others to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class StageCost:
    """What the jobs of one stage took together."""

    stage: str
    jobs: int
    time: str
    memory: str  # of the largest, MB
    part: float  # of the time of all stages


def quality(metrics: Mapping[str, Any], scale: Scale) -> Table:
    """The scores of metrics.json, one row for each time; columns without a value are left out."""
    return _shown(_columns(metrics, scale))


def held_out(metrics: Mapping[str, Any]) -> str:
    """The mean scores of all held-out projections in words, of the result and of each scan alone, and of those that were trained on where they are scored."""
    said = _in_words(metrics["held_out"]["mean"], "held-out projections")
    trained = metrics.get("trained_on")
    return " ".join(filter(None, [said, _in_words(trained["mean"], "projections trained on,") if trained else ""]))


def _in_words(mean: Mapping[str, Any], what: str) -> str:
    if not mean["count"]:
        return ""
    alone = [f" Those of the sequence, from the {scan} scan alone: {_scores(mean[key])}." for key, scan in ALONE.items() if key in mean]
    return f"All {mean['count']} {what} on average: {_scores(mean)}.{''.join(alone)}"


def _scores(mean: Mapping[str, Any]) -> str:
    # equal images have no finite PSNR, images smaller than its window no SSIM
    known = [f"{label} {_number(mean[key], digits)}" for key, label, digits in SCORES if mean[key] is not None]
    return ", ".join(known) or "without a score"


def classical(metrics: Mapping[str, Any]) -> Table | None:
    """Scores of each scan's canonical and of its classical reconstructions; None where none were asked for."""
    found = [(scan, name, own) for scan, methods in (metrics.get("classical") or {}).items() for name, own in methods.items()]
    if not found:
        return None
    columns = {"scan": [scan for scan, _, _ in found], "reconstruction": [CALLED.get(name, name) for _, name, _ in found]}
    columns |= {label: [_number(own[key], digits) for _, _, own in found] for key, label, digits in (*SCORES, TRUE)}
    return _shown(columns)


def trust(metrics: Mapping[str, Any], scale: Scale) -> Table | None:
    """The verdict on the motion at each time, and the figures behind it; None where nothing moves."""
    entries = [entry for entry in metrics["times"] if entry.get("trust")]
    if not entries:
        return None
    columns = {
        "t": [f"{entry['time']:g}" for entry in entries],
        "verdict": [entry["trust"]["verdict"] for entry in entries],
        "normalised residual": [_number(entry["trust"]["normalised_residual"], 2) for entry in entries],
        f"deviation ({scale.length_unit})": [_length(entry["trust"]["displacement_deviation"]["rms"], scale) for entry in entries],
        f"true error ({scale.length_unit})": [_length((entry.get("displacement_error") or {}).get("mean"), scale) for entry in entries],
    }
    return _shown(columns)


def _shown(columns: Mapping[str, Sequence[str]]) -> Table:
    """A table of the columns, by their heads, that have a value."""
    shown = {head: cells for head, cells in columns.items() if any(cells)}
    return Table(list(shown), list(zip(*shown.values(), strict=True)))


def _columns(metrics: Mapping[str, Any], scale: Scale) -> dict[str, list[str]]:
    """Cells of the table of quality by the head of their column, from top to bottom."""
    entries = metrics["times"]
    columns = {"t": [f"{entry['time']:g}" for entry in entries]}
    columns["self-correlation"] = [_number(entry["self_correlation"], 4) for entry in entries]
    for kind in RECONSTRUCTIONS:
        columns[kind] = [_number((entry["correlation"] or {}).get(kind), 4) for entry in entries]
    for key, label in SQUARES:
        values = [_result(entry.get(key)) for entry in entries]
        columns[f"{label} ({scale.unit(PER_AREA)})"] = [
            _short(None if value is None else value * scale.factor(PER_AREA)) for value in values
        ]
    errors = [entry.get("displacement_error") or {} for entry in entries]
    for key, label in ERRORS:
        columns[f"{label} ({scale.length_unit})"] = [_length(error.get(key), scale) for error in errors]
    scored = [_of_time(metrics["held_out"]["times"], entry["time"]) for entry in entries]
    for key, label, digits in SCORES:
        columns[label] = [_number(scores.get(key), digits) for scores in scored]
    return columns


def _of_time(entries: Sequence[dict[str, Any]], time: float) -> dict[str, Any]:
    """The entry nearest to a time, if it is of that time; else nothing."""
    nearest = min(entries, key=lambda entry: abs(entry["time"] - time), default=None)
    return nearest if nearest is not None and abs(nearest["time"] - time) < SAME else {}


def jobs(benchmarks: Mapping[str, Path]) -> Table:
    """Time and memory of each job, from Snakemake's benchmark files; a missing file leaves its row empty."""
    rows = [[name, *_cells(_benchmark(path))] for name, path in benchmarks.items()]
    total = sum(_benchmark(path).get("s", 0.0) for path in benchmarks.values())
    return Table(["job", "time", "memory (MB)"], [*rows, ["sum", _clock(total), ""]])


def stages(benchmarks: Mapping[str, Path]) -> list[StageCost]:
    """The jobs' time and memory by stage, in the order of the jobs: a job's name begins with its stage."""
    groups: dict[str, list[dict[str, float]]] = {}
    for name, path in benchmarks.items():
        groups.setdefault(name.partition("_")[0], []).append(_benchmark(path))
    total = sum(job.get("s", 0.0) for group in groups.values() for job in group) or 1.0
    costs = []
    for stage, group in groups.items():
        seconds = [job["s"] for job in group if "s" in job]
        memory = [job["max_rss"] for job in group if "max_rss" in job]
        time = _clock(sum(seconds)) if seconds else ""
        costs.append(StageCost(stage, len(group), time, _number(max(memory, default=None), 0), sum(seconds) / total))
    return costs


def _cells(record: Mapping[str, float]) -> list[str]:
    return ["" if "s" not in record else _clock(record["s"]), _number(record.get("max_rss"), 0)]


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


def _length(value: float | None, scale: Scale) -> str:
    """A length in world units, in the tables' unit."""
    return _number(None if value is None else value * scale.factor(LENGTH), 4)


def _result(value: float | dict[str, float] | None) -> float | None:
    """Of a figure that each kind has, that of the result: the first kind in the order of RECONSTRUCTIONS."""
    return next((value[kind] for kind in RECONSTRUCTIONS if kind in value), None) if isinstance(value, dict) else value


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
