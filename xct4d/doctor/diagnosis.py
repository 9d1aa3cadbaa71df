"""What the doctor says about one scan: the best hypothesis, its margin over what the files say, and the lines that would mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from xct4d.config import Geometry
from xct4d.doctor import judge
from xct4d.doctor.consistency import Pairs, radius
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.hypothesis import Hypothesis
from xct4d.doctor.intensities import SIMILAR, Grey, examine
from xct4d.doctor.moments import axis_by_mass
from xct4d.doctor.sample import Sample
from xct4d.doctor.search import FINE, PARAMETERS, Fit, counted, score, search

Method = Literal["pairwise consistency", "centres of mass", "reprojection", "none"]
Verdict = Literal["right", "small corrections", "wrong", "unclear"]

COUNT = 0.2  # part of the planes that must count for pairwise consistency: else the sample is wider than the images
NARROW = 2.0  # degrees of half the fan in which rays are as good as parallel
CLEAR = 1.5  # times better must another arrangement be, or the files' own, to be told from the other
CLEAR_BY_JUDGE = 1.1  # the same for predictions
SIGNIFICANT = 4.0  # standard deviations
GAIN, LITTLE_GAIN = 1.05, 1.02  # times worse is the score without a correction that blurs the volume, and without one that is mentioned
BLUR = 1.0  # pixels of the evidence by which a wrong parameter smears the volume
POOR = 0.1  # a score above which images whose rows and columns are exchanged are considered
HOPELESS = 0.6  # an error of predictions from which they tell nothing
FEWEST, LEAST_ARC = 8, 120.0  # views, and degrees between the outermost
NAMES = {"focal_factor": "focal length", "axis_shift_px": "rotation axis", "row_shift_px": "beam's row", "roll_deg": "roll of the axis"}


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
    mend: dict[str, bool | float] = field(default_factory=dict)  # keys of input.geometry
    cannot_tell: list[str] = field(default_factory=list)
    best: Hypothesis = field(default_factory=Hypothesis)

    @property
    def margin(self) -> float:
        """How many times better the best hypothesis is than what the files say."""
        own, least = self.scores.get("as the files say", np.nan), min(self.scores.values(), default=np.nan)
        return float(own / least) if least > 0 else float("nan")

    def lines(self) -> list[str]:
        """For a person, the verdict first."""
        shown = ", ".join(f"{name} {value:.3g}" for name, value in self.scores.items())
        first = f"geometry by {self.method}: {self.verdict}" if self.method != "none" else "geometry: not examined"
        lines = [first + (f" ({shown}; the best is {self.margin:.3g} times better than the files)" if self.scores else "")]
        lines += self.findings
        if self.mend:
            inner = ", ".join(f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in self.mend.items())
            lines.append(f"to correct it: input: {{geometry: {{{inner}}}}}")
        return [*lines, *(f"cannot be told: {what}" for what in self.cannot_tell)]

    def to_json(self) -> dict[str, Any]:
        finite = {key: value if np.isfinite(value) else None for key, value in self.scores.items()}
        margin = self.margin if np.isfinite(self.margin) else None
        own = asdict(self) | {"scores": finite, "margin": margin}
        own["measured"] = {key: {"value": value, "sigma": sigma if np.isfinite(sigma) else None} for key, (value, sigma) in self.measured.items()}
        return own


def diagnose(sample: Sample, given: Geometry) -> tuple[Diagnosis, Evidence]:
    """Examine a scan: what was found, and the evidence it was found in. given: corrections that the configuration makes already."""
    images, views, flat_field, factor = sample.images, sample.views, sample.flat_field, sample.factor
    found = Diagnosis()
    grey = examine(images, flat_field)
    candidates = {kind: Evidence.of(grey.line_integrals(kind, images, flat_field), views, _level(kind, flat_field), factor) for kind in grey.kinds}
    kind, evidence = next(iter(candidates.items()))
    found.grey = kind
    if reason := _too_little(evidence):
        found.cannot_tell.append(f"geometry: {reason}")
    elif evidence.is_parallel or _half_fan(evidence) < NARROW:
        _parallel(evidence, found, given)
    elif counted(evidence, Pairs.of(evidence, 60, 24)) < COUNT:
        _judged(evidence, found, given)
    else:
        fits = {each: _consistent(one) for each, one in candidates.items()}
        if len(fits) > 1 and _least(fits["logarithm"]) * SIMILAR < _least(fits["inverted"]):
            kind, evidence = "logarithm", candidates["logarithm"]
            found.grey = kind
        _from_fits(evidence, fits[kind], found, given)
    found.findings[:0] = _about_grey(grey, found.grey, flat_field)
    if found.grey != "transmission":
        found.verdict = "wrong"
    return found, evidence


def _level(kind: str, flat_field: float) -> float:
    return flat_field if kind in ("transmission", "inverted") else 1.0


def _least(fits: list[Fit]) -> float:
    return min(fit.score for fit in fits)


def _about_grey(grey: Grey, kind: str, flat_field: float) -> list[str]:
    if kind == "inverted":
        return ["the images are inverted: air is dark and the sample bright; store 1 - I, so that air is 1"]
    if kind == "logarithm":
        return ["the images are logarithms: line integrals -ln(I/I0), not transmissions; store exp(-p), so that air is 1"]
    if kind == "undivided":
        uneven = f" and is uneven by {grey.uneven:.0%} over the edges" if grey.uneven > 0.05 else ""
        fix = "divide each image by one of air" if uneven else f"divide by it (input.intensities.air for counts), or state flat_field: {grey.air:.4g}"
        return [f"the images were never divided by air: it has transmission {grey.air:.3g} where {flat_field:.3g} is expected{uneven}; {fix}"]
    return []


def _half_fan(evidence: Evidence) -> float:
    """Degrees of half the fan that the sample fills."""
    distance = float(np.hypot(*evidence.views.camera_to_world[:, :2, 3].T).mean())
    return float(np.rad2deg(np.arcsin(min(radius(evidence) / distance, 1.0))))


def _too_little(evidence: Evidence) -> str | None:
    if evidence.strongest < 0.01:
        return "nothing attenuates"
    if len(evidence) < FEWEST:
        return f"{len(evidence)} views are too few"
    azimuths = np.sort(np.rad2deg(np.arctan2(*evidence.views.camera_to_world[:, 1::-1, 3].T)) % 360)
    arc = 360 - float(np.diff(np.append(azimuths, azimuths[0] + 360)).max())
    return f"the views come from within {arc:.3g} degrees" if arc < LEAST_ARC else None


def _arrangements(evidence: Evidence) -> list[Hypothesis]:
    """As the files say, mirrored, and in reverse order where that is not the same as mirrored: where steps of the angle are uneven."""
    azimuths = np.unwrap(np.arctan2(*evidence.views.camera_to_world[:, 1::-1, 3].T))
    sums = azimuths + azimuths[::-1]
    return [Hypothesis(), Hypothesis(mirror=True), *([Hypothesis(reverse=True)] if np.ptp(sums) > 0.02 else [])]


def _consistent(evidence: Evidence) -> list[Fit]:
    fits = search(evidence, _arrangements(evidence))
    if _least(fits) > POOR:
        turned = search(evidence, [Hypothesis(transpose=True), Hypothesis(transpose=True, mirror=True)])
        if _least(turned) * CLEAR < _least(fits):
            return [*fits, *turned]
    return fits


def _from_fits(evidence: Evidence, fits: list[Fit], found: Diagnosis, given: Geometry) -> None:
    """By pairwise consistency."""
    found.method = "pairwise consistency"
    pairs = Pairs.of(evidence, *FINE)
    found.scores["as the files say"] = score(evidence, pairs)
    found.scores |= {_named(fit.hypothesis): fit.score for fit in fits}
    best, own = min(fits, key=lambda fit: fit.score), fits[0]
    if best is not own and best.score * CLEAR > own.score:
        best = own
    found.measured = {name: (getattr(best.hypothesis, name), best.sigma[name]) for name in PARAMETERS}
    found.cannot_tell.append("mirrored columns from negated angles: both at once give the projections of the mirrored object")
    if np.ptp(evidence.views.camera_to_world[:, 2, 3]) < 1e-3 * np.abs(evidence.views.camera_to_world[:, :, 3]).max():
        found.cannot_tell.append("images upside down, as all sources lie in one plane; the beam's row only weakly")
    others = [fit.score for fit in fits if fit.hypothesis.mirror != best.hypothesis.mirror or fit.hypothesis.transpose != best.hypothesis.transpose]
    if best is own and min(others) < CLEAR * own.score:
        found.cannot_tell.append(f"the direction of rotation from these views: mirrored images fit {min(others) / own.score:.3g} times as badly")
    _settle(evidence, best, found, given, pairs)


def _named(hypothesis: Hypothesis) -> str:
    words = [word for word, is_so in (("transposed", hypothesis.transpose), ("mirrored", hypothesis.mirror), ("reversed", hypothesis.reverse)) if is_so]
    return " and ".join(words) if words else "corrected"


def _settle(evidence: Evidence, fit: Fit, found: Diagnosis, given: Geometry, pairs: Pairs) -> None:
    """Verdict, findings and corrections from the best fit."""
    base = replace(Hypothesis(), mirror=fit.hypothesis.mirror, transpose=fit.hypothesis.transpose, reverse=fit.hypothesis.reverse)
    kept, serious = {}, []
    for name in PARAMETERS:
        value, sigma = getattr(fit.hypothesis, name), fit.sigma[name]
        neutral = getattr(base, name)
        gain = score(replace(fit.hypothesis, **{name: neutral}).applied(evidence), pairs) / max(fit.score, 1e-12)
        if not (gain > LITTLE_GAIN and abs(value - neutral) > SIGNIFICANT * sigma):
            continue
        kept[name] = value
        if gain > GAIN and _blur(evidence, name, value) > BLUR:
            serious.append(name)
    found.best = replace(base, **kept)
    if base != Hypothesis():
        found.arrangement = _named(base)
        found.findings.append(_about(base))
    for name in kept:
        found.findings.append(_about_parameter(name, *found.measured[name]))
    found.verdict = "wrong" if serious or base != Hypothesis() else "small corrections" if kept else "right"
    found.mend = {} if base.transpose or base.reverse else found.best.onto(given)


def _blur(evidence: Evidence, name: str, value: float) -> float:
    """About by how many pixels of the evidence a wrong parameter smears the volume."""
    views = evidence.views
    distance = float(np.hypot(*views.camera_to_world[:, :2, 3].T).mean())
    part = radius(evidence) / distance  # of the way from the source to the axis
    if name == "focal_factor":
        return abs(np.log(value)) * part**2 * float(views.focal[:, 0].mean())
    if name == "axis_shift_px":
        return abs(value) / evidence.factor[0]
    if name == "row_shift_px":
        return abs(value) / evidence.factor[1] * part
    return abs(np.deg2rad(value)) * evidence.images.shape[1] / 2


def _about(base: Hypothesis) -> str:
    if base.transpose:
        return f"rows and columns of the images are exchanged{', and the columns mirrored' if base.mirror else ''}: store them the other way round"
    if base.reverse:
        return "the images are in reverse order: give each the angle of its own exposure"
    return (
        "the columns are mirrored, or the angles have the wrong sign, or the images are in reverse order: "
        "mirror: true and negate_angles: true both correct it, and give objects that are each other's mirror image"
    )


def _about_parameter(name: str, value: float, sigma: float) -> str:
    shown = f"{sigma:.2g}" if np.isfinite(sigma) else "?"
    if name == "focal_factor":
        return f"the focal length is {value:.4g} (+- {shown}) times that of the files"
    if name == "axis_shift_px":
        return f"the rotation axis is seen {abs(value):.3g} (+- {shown}) pixels to the {'right' if value > 0 else 'left'} of where the files put it"
    if name == "row_shift_px":
        return f"the beam meets the detector {abs(value):.3g} (+- {shown}) rows {'below' if value > 0 else 'above'} where the files put it"
    return f"the rotation axis leans by {abs(value):.3g} (+- {shown}) degrees to the {'right' if value > 0 else 'left'}"


def _parallel(evidence: Evidence, found: Diagnosis, given: Geometry) -> None:
    """By centres of mass; by predictions where the sample is wider than the images."""
    found.cannot_tell.append("the direction of rotation: in a parallel beam the other one gives the projections of the mirrored object")
    axis = axis_by_mass(evidence)
    if axis is None:
        _judged(evidence, found, given)
        return
    found.method = "centres of mass"
    across, down = evidence.factor
    shift, sigma = axis.shift * across, max(axis.shift_sigma, 0.02) * across
    found.measured["axis_shift_px"] = shift, sigma
    kept = {}
    if abs(shift) > SIGNIFICANT * sigma:
        kept["axis_shift_px"] = shift
    if axis.roll_deg is not None:
        roll = float(np.rad2deg(np.arctan(np.tan(np.deg2rad(axis.roll_deg)) * across / down)))
        found.measured["roll_deg"] = roll, axis.roll_sigma
        if abs(roll) > SIGNIFICANT * max(axis.roll_sigma, 0.02):
            kept["roll_deg"] = roll
    found.best = replace(Hypothesis(), **kept)
    found.findings += [_about_parameter(name, *found.measured[name]) for name in kept]
    found.mend = found.best.onto(given)
    wrong = any(_blur(evidence, name, value) > BLUR for name, value in kept.items())
    found.verdict = "wrong" if wrong else "small corrections" if kept else "right"


def _judged(evidence: Evidence, found: Diagnosis, given: Geometry) -> None:
    """By a low-resolution reconstruction and its prediction of views that were left out."""
    arrangements = [Hypothesis()] if evidence.is_parallel else [Hypothesis(), Hypothesis(mirror=True)]
    found.method = "reprojection"
    some = evidence.some(np.array(judge.chosen(len(evidence))))
    own = judge.predicted(some)
    best = judge.search(some, arrangements)
    found.scores = {"as the files say": own} | {_named(hypothesis): error for hypothesis, error in best}
    hypothesis, error = min(best, key=lambda one: one[1])
    if hypothesis.mirror and error * CLEAR_BY_JUDGE > best[0][1]:
        hypothesis, error = best[0]
    if error > HOPELESS:
        found.cannot_tell.append(f"geometry: the sample is wider than the images, and {len(some)} views predict no others (error {error:.2g})")
        return
    if len(best) > 1 and not hypothesis.mirror and best[1][1] < CLEAR_BY_JUDGE * error:
        found.cannot_tell.append("the direction of rotation from these views")
    kept = {}
    for name in ("axis_shift_px", "focal_factor"):
        value = getattr(hypothesis, name)
        gain = judge.predicted(replace(hypothesis, **{name: getattr(Hypothesis(), name)}).applied(some)) / error
        if gain > LITTLE_GAIN and _blur(evidence, name, value) > BLUR * max(1, evidence.images.shape[2] / judge.ACROSS):
            kept[name] = value
            found.measured[name] = value, np.inf
    found.best = replace(Hypothesis(mirror=hypothesis.mirror), **kept)
    if hypothesis.mirror:
        found.arrangement = "mirrored"
        found.findings.append(_about(found.best))
    found.findings += [_about_parameter(name, *found.measured[name]) for name in kept]
    found.mend = found.best.onto(given)
    found.verdict = "wrong" if hypothesis.mirror or kept else "right"
