"""What was found about one scan, and its words: the best hypothesis, its margin over what the files say, the lines that would correct it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from xct4d.directions import State
from xct4d.doctor.hypothesis import Hypothesis

SAME = {"axis_shift_px": 0.3, "row_shift_px": 0.5, "roll_deg": 0.05, "focal_factor": 0.005}  # differences that two measurements may have
Method = Literal["pairwise consistency", "centres of mass", "reprojection", "none"]
Verdict = Literal["right", "small corrections", "wrong", "unclear"]


@dataclass
class Diagnosis:
    """Of one scan."""

    method: Method = "none"
    verdict: Verdict = "unclear"
    grey: str = "transmission"  # what the images are
    arrangement: str = "as the files say"
    scores: dict[str, float] = field(default_factory=dict)  # of the files' geometry, and of the best one of each arrangement
    measured: dict[str, tuple[float, float]] = field(default_factory=dict)  # corrections with their standard deviations
    findings: list[str] = field(default_factory=list)
    mend: dict[str, Any] = field(default_factory=dict)  # the section that corrects it, whole; empty where nothing is to be corrected
    cannot_tell: list[str] = field(default_factory=list)
    best: Hypothesis = field(default_factory=Hypothesis)

    @property
    def margin(self) -> float:
        """How many times better the best hypothesis is than what the files say."""
        own, least = self.scores.get("as the files say", np.nan), min(self.scores.values(), default=np.nan)
        return float(own / least) if least > 0 else float("nan")

    def lines(self, section: str = "geometry") -> list[str]:
        """For a person, the verdict first. section: of `input`, that the corrections go into."""
        shown = ", ".join(f"{name} {value:.3g}" for name, value in self.scores.items())
        first = f"geometry by {self.method}: {self.verdict}" if self.method != "none" else "geometry: not examined"
        lines = [first + (f" ({shown}; the best is {self.margin:.3g} times better than the files)" if self.scores else "")]
        lines += self.findings
        if self.mend:
            lines.append(f"to correct it: input: {{{section}: {yaml(self.mend)}}}")
        return [*lines, *(f"cannot be told: {what}" for what in self.cannot_tell)]

    def to_json(self) -> dict[str, Any]:
        finite = {key: value if np.isfinite(value) else None for key, value in self.scores.items()}
        margin = self.margin if np.isfinite(self.margin) else None
        own = asdict(self) | {"scores": finite, "margin": margin}
        own["measured"] = {
            key: {"value": value, "sigma": sigma if np.isfinite(sigma) else None} for key, (value, sigma) in self.measured.items()
        }
        return own


def sections(found: Mapping[State, Diagnosis]) -> dict[State, str]:
    """The section of `input` for the corrections of each scan: one for all where they agree, else that of the scan."""
    corrections = [one.mend for one in found.values()]
    agree = all(_alike(corrections[0], other) for other in corrections[1:])
    return {state: "geometry" if agree else f"{state}_geometry" for state in found}


def _alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two sections say the same, within what two measurements differ by."""
    return one.keys() == other.keys() and all(
        abs(value - other[key]) <= SAME.get(key, 0) if isinstance(value, float) else value == other[key] for key, value in one.items()
    )


def yaml(keys: dict[str, Any]) -> str:
    """Keys of the configuration as a YAML flow mapping."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in keys.items()}
    inner = ", ".join(f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in plain.items())
    return f"{{{inner}}}"


def named(hypothesis: Hypothesis) -> str:
    """An arrangement in a word."""
    words = [
        word
        for word, is_so in (("transposed", hypothesis.transpose), ("mirrored", hypothesis.mirror), ("reversed", hypothesis.reverse))
        if is_so
    ]
    return " and ".join(words) if words else "corrected"


def about(base: Hypothesis) -> str:
    """What is wrong with an arrangement of the files."""
    if base.transpose:
        return f"rows and columns of the images are exchanged{', and the columns mirrored' if base.mirror else ''}: store them the other way round"
    if base.reverse:
        return "the images are in reverse order: give each the angle of its own exposure"
    return (
        "the columns are mirrored, or the angles have the wrong sign, or the images are in reverse order: "
        "mirror: true and negate_angles: true both correct it, and give objects that are each other's mirror image"
    )


def about_parameter(name: str, value: float, sigma: float) -> str:
    """What is wrong with one parameter of the cameras."""
    shown = f" (+- {sigma:.2g})" if np.isfinite(sigma) else ""
    if name == "focal_factor":
        return f"the focal length is {value:.4g}{shown} times that of the files"
    if name == "axis_shift_px":
        return (
            f"the rotation axis is seen {abs(value):.3g}{shown} pixels to the {'right' if value > 0 else 'left'} of where the files put it"
        )
    if name == "row_shift_px":
        return f"the beam meets the detector {abs(value):.3g}{shown} rows {'below' if value > 0 else 'above'} where the files put it"
    return f"the rotation axis leans by {abs(value):.3g}{shown} degrees to the {'right' if value > 0 else 'left'}"
