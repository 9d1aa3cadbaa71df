"""The first line of a page: whether the result can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal

from xct4d.directions import RECONSTRUCTIONS
from xct4d.report.words import length
from xct4d.units import Scale


@dataclass(frozen=True)
class Headline:
    """A verdict in one sentence, and what is to be known beside it."""

    tone: Literal["good", "partly", "bad", "none"]
    verdict: str
    beside: str


def headline(metrics: Mapping[str, Any], scale: Scale) -> Headline:
    """From metrics.json: the verdicts on the motion, and the error against the truth where that is known."""
    if metrics.get("static"):
        return Headline("none", f"A scan at rest: nothing moves.{_held_out(metrics)}", "")
    entries = [entry for entry in metrics["times"] if entry.get("trust")]
    if not metrics.get("second_scan", True):
        said = "There is no second scan to agree with: how far the motion is determined is not known."
        return Headline("none", f"{said}{_held_out(metrics)}", _against_truth(metrics, scale))
    if not entries:
        return Headline("none", "How far the motion is determined was not computed.", _against_truth(metrics, scale))
    open_ = [entry for entry in entries if entry["trust"]["verdict"].startswith("not determined")]
    partly = [entry for entry in entries if entry["trust"]["verdict"].startswith("determined except")]
    beside = _against_truth(metrics, scale)
    if open_:
        reason = open_[0]["trust"]["verdict"].partition(": ")[2]
        return Headline("bad", f"The motion is not determined {_at(open_, entries)}: {reason}.", beside)
    if partly:
        worst = max(partly, key=lambda entry: entry["trust"]["uncertain"])
        rest = worst["trust"]["verdict"].removeprefix("determined except ")
        return Headline("partly", f"The motion is determined except, at t = {worst['time']:g}, {rest}.", beside)
    return Headline("good", f"The motion is determined at {_count(len(entries))}.", beside)


def _held_out(metrics: Mapping[str, Any]) -> str:
    mean = metrics["held_out"]["mean"]
    if not mean["count"] or mean["psnr"] is None:
        return ""
    return f" Held-out projections are predicted with a PSNR of {mean['psnr']:.1f} dB."


def _against_truth(metrics: Mapping[str, Any], scale: Scale) -> str:
    """The worst error of the displacement since t = 0 beside the deviation that is stated for it."""
    scored = [entry for entry in metrics["times"] if entry.get("displacement_error")]
    compared = {entry["time"]: found for entry in metrics["times"] if (found := _correlation(entry)) is not None}
    if not scored and compared:
        worst, correlation = min(compared.items(), key=itemgetter(1))
        return f"The correlation with measured volumes is {correlation:.4f} at t = {worst:g}, where it is worst of {_count(len(compared), every='')}."
    if not scored:
        return "The truth is not known: beside each figure of quality stands what it cannot see."
    worst = max(scored, key=lambda entry: entry["displacement_error"]["mean"])
    error, centres = worst["displacement_error"], worst.get("centre_error")
    said = f"Against the known truth the displacement is wrong by {length(error['mean'], scale)} on average at t = {worst['time']:g}, where it is worst"
    if centres:
        said += f", that of the objects' centres by {length(centres['mean'], scale)}"
    said += f"; material has moved by {length(error['true_mean'], scale)} there"
    deviation = (worst.get("trust") or {}).get("displacement_deviation", {}).get("rms")
    return said + ("." if deviation is None else f", and the stated standard deviation is {length(deviation, scale)}.")


def _correlation(entry: Mapping[str, Any]) -> float | None:
    """That of the result with the truth: of the first kind that there is."""
    found = entry.get("correlation") or {}
    return next((found[kind] for kind in RECONSTRUCTIONS if found.get(kind) is not None), None)


def _at(some: list[dict[str, Any]], entries: list[dict[str, Any]]) -> str:
    if len(some) == len(entries):
        return f"at any of {_count(len(entries), every='')}" if len(entries) > 1 else f"at t = {some[0]['time']:g}"
    shown = ", ".join(f"{entry['time']:g}" for entry in some[:6]) + (", ..." if len(some) > 6 else "")
    return f"at t = {shown}"


def _count(n: int, every: str = "all ") -> str:
    return f"{every}{n} times" if n > 1 else "its one time"
