"""The variants of a sweep beside each other: what each finds of the motion, how sure it is, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xct4d.analysis.verdict import EXPLAINED, MOST_UNCERTAIN
from xct4d.directions import RECONSTRUCTIONS
from xct4d.io.prepared import Frames
from xct4d.units import LENGTH, Scale

Number = float | int | None


@dataclass(frozen=True)
class Variant:
    """One variant of a sweep and what became of it."""

    name: str  # of its folder
    values: Mapping[str, Any]  # of every swept key, by the dotted key
    metrics: Mapping[str, Any]  # metrics.json
    sequence: Frames | None  # the prepared projections between the scans, where there are such
    seconds: float | None  # CPU time of the jobs that it alone needs, where that was measured

    @property
    def scale(self) -> Scale:
        return Scale(self.metrics["unit_mm"], self.metrics["duration_s"])

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The scored times strictly between the scans; all where there are none, as of a sample at rest."""
        times: list[dict[str, Any]] = self.metrics["times"]
        return [entry for entry in times if 0 < entry["time"] < 1] or times


@dataclass(frozen=True)
class Column:
    """One figure of every variant: lengths in the dataset's unit, None where it is not known."""

    name: str  # in the CSV
    head: str  # in the table for people
    cells: Sequence[Number]
    digits: int  # after the point, in the table for people; 0: a whole number


def columns(variants: Sequence[Variant]) -> list[Column]:
    """The figures of the variants, those that none has left out. Figures of several times are means over `Variant.entries`."""
    unit = variants[0].scale.length_unit
    short = unit.replace(" ", "_")
    other_sequence = any(key.startswith("setup.") for key in variants[0].values)  # then held-out projections differ too
    found = [
        ("projections", "projections between", 0, _projections),
        ("times", "times between", 0, _times),
        (f"displacement_{short}", f"displacement ({unit})", 4, displacement),
        (f"error_{short}", f"error ({unit})", 4, error),
        (f"error_p95_{short}", f"95 % below ({unit})", 4, error_p95),
        ("relative_error", "error / displacement", 2, relative_error),
        (f"deviation_{short}", f"stated deviation ({unit})", 4, deviation),
        ("determined_part", "determined part", 2, determined),
        ("determined_times", "times determined", 0, _determined_times),
        ("normalised_residual", "largest normalised residual", 2, _residual),
        ("self_correlation", "self-correlation", 4, lambda own: _mean(own, lambda entry: entry.get("self_correlation"))),
        ("correlation", "correlation with the truth", 4, _correlation),
        ("held_out_psnr", "held-out PSNR (dB)", 1, lambda own: None if other_sequence else own.metrics["held_out"]["mean"]["psnr"]),
        ("cpu_minutes", "CPU minutes", 1, lambda own: None if own.seconds is None else own.seconds / 60),
    ]  # fmt: skip
    made = [Column(name, head, [figure(own) for own in variants], digits) for name, head, digits, figure in found]
    return [column for column in made if any(cell is not None for cell in column.cells)]


def error(own: Variant) -> Number:
    """Mean error of the displacement of the material, in the dataset's unit."""
    return _error(own, "mean")


def error_p95(own: Variant) -> Number:
    """What 95 % of these errors stay below."""
    return _error(own, "p95")


def displacement(own: Variant) -> Number:
    """How far the material really goes: the error of a method that says nothing moves."""
    return _error(own, "true_mean")


def relative_error(own: Variant) -> Number:
    """The mean error over the mean displacement."""
    wrong, moved = error(own), displacement(own)
    return wrong / moved if wrong is not None and moved else None


def deviation(own: Variant) -> Number:
    """The stated standard deviation of the displacement, root mean square over the material."""
    return _length(own, _mean(own, lambda entry: (entry.get("trust") or {}).get("displacement_deviation", {}).get("rms")))


def determined(own: Variant) -> Number:
    """The part of the material whose displacement is stated within the tolerance; none of it at a time whose projections the motion does not explain."""
    return _mean(own, lambda entry: _determined_part(entry["trust"]) if entry.get("trust") else None)


def label(own: Variant) -> str:
    """The swept values in words: sources 2, times 7."""
    return ", ".join(f"{key} {value}" for key, value in zip(short_keys(list(own.values)), own.values.values(), strict=True))


def short_keys(keys: Sequence[str]) -> list[str]:
    """The last part of each dotted key; the whole key where two end alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return [key if last.count(short) > 1 else short for key, short in zip(keys, last, strict=True)]


def projections(own: Variant) -> int:
    """Projections between the scans that are trained on."""
    return 0 if own.sequence is None else int((~own.sequence.held_out).sum())


def _projections(own: Variant) -> Number:
    return None if own.sequence is None else projections(own)


def _times(own: Variant) -> Number:
    return None if own.sequence is None else len(np.unique(np.round(own.sequence.frame_time()[~own.sequence.held_out], 6)))


def _determined_part(trust: Mapping[str, Any]) -> float:
    residual, uncertain = trust["normalised_residual"], trust["uncertain"]
    contradicted = trust["verdict"].startswith("not determined") and uncertain <= MOST_UNCERTAIN
    return 0.0 if contradicted or residual is None or residual > EXPLAINED else 1.0 - uncertain


def _determined_times(own: Variant) -> Number:
    verdicts = [entry["trust"]["verdict"] for entry in own.entries if entry.get("trust")]
    return sum(not said.startswith("not determined") for said in verdicts) if verdicts else None


def _residual(own: Variant) -> Number:
    found = [value for entry in own.entries if (value := (entry.get("trust") or {}).get("normalised_residual")) is not None]
    return max(found, default=None)


def _correlation(own: Variant) -> Number:
    def first(entry: Mapping[str, Any]) -> Number:
        return next((value for kind in RECONSTRUCTIONS if (value := (entry.get("correlation") or {}).get(kind)) is not None), None)

    return _mean(own, first)


def _error(own: Variant, key: str) -> Number:
    return _length(own, _mean(own, lambda entry: (entry.get("displacement_error") or {}).get(key)))


def _length(own: Variant, value: Number) -> Number:
    return None if value is None else value * own.scale.factor(LENGTH)


def _mean(own: Variant, figure: Callable[[Mapping[str, Any]], Number]) -> Number:
    found = [value for entry in own.entries if (value := figure(entry)) is not None]
    return float(np.mean(found)) if found else None
