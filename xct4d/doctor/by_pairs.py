"""The verdict of pairwise consistency."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xct4d.config import Geometry
from xct4d.doctor.blur import BLUR, blur
from xct4d.doctor.consistency import Pairs
from xct4d.doctor.diagnosis import Diagnosis, about, about_parameter, named, yaml
from xct4d.doctor.evidence import SIGNIFICANT, Evidence
from xct4d.doctor.hypothesis import Hypothesis
from xct4d.doctor.search import FINE, PARAMETERS, Fit, score, search

CLEAR = 1.5  # times better must another arrangement be, or the files' own, to be told from the other
GAIN, LITTLE_GAIN = 1.05, 1.02  # times worse is the score without a correction that blurs the volume, and without one that is mentioned
MENTIONED = 1.1  # times better must all corrections together be, where none of them blurs the volume, to be mentioned
POOR = 0.1  # a score above which images whose rows and columns are exchanged are considered, and then the judge is asked
UNNOTICED_FOCAL = 1.1  # a factor of the focal length: if it changes nothing, the focal length is not determined
UNNOTICED_SHIFT = 2.0  # pixels of the evidence: if such a shift changes nothing, the place of the axis is not determined


def fits_of(evidence: Evidence) -> list[Fit]:
    """The best corrections of each arrangement, the files' own first."""
    fits = search(evidence, _arrangements(evidence))
    if least(fits) > POOR:
        turned = search(evidence, [Hypothesis(transpose=True), Hypothesis(transpose=True, mirror=True)])
        if least(turned) * CLEAR < least(fits):
            return [*fits, *turned]
    return fits


def _arrangements(evidence: Evidence) -> list[Hypothesis]:
    """As the files say, mirrored, and in reverse order where that is not the same as mirrored: where steps of the angle are uneven."""
    azimuths = np.unwrap(np.arctan2(*evidence.views.camera_to_world[:, 1::-1, 3].T))
    sums = azimuths + azimuths[::-1]
    return [Hypothesis(), Hypothesis(mirror=True), *([Hypothesis(reverse=True)] if np.ptp(sums) > 0.02 else [])]


def least(fits: list[Fit]) -> float:
    """The best score."""
    return min(fit.score for fit in fits)


def verdict_by_pairs(evidence: Evidence, fits: list[Fit], found: Diagnosis, given: Geometry) -> None:
    """Put into `found` what the fits of all arrangements say; the first is that of the files."""
    found.method, found.cannot_tell = "pairwise consistency", []
    pairs = Pairs.of(evidence, *FINE)
    own = score(evidence, pairs)
    found.scores = {"as the files say": own} | {named(fit.hypothesis): fit.score for fit in fits}
    best, files = min(fits, key=lambda fit: fit.score), fits[0]
    others = [
        fit for fit in fits if (fit.hypothesis.mirror, fit.hypothesis.transpose) != (best.hypothesis.mirror, best.hypothesis.transpose)
    ]
    rival = min(others, key=lambda fit: fit.score)
    if rival.score < CLEAR * best.score:
        ratio = max(fit.score for fit in (best, rival)) / best.score
        found.cannot_tell.append(
            f"the direction of rotation from these views: the images mirrored and not mirrored fit within a factor of {ratio:.3g}"
        )
        if own < CLEAR * best.score:
            best = files  # nothing speaks against the files
        else:
            _offer(evidence, rival, found, given, pairs)
    found.measured = {name: (getattr(best.hypothesis, name), best.sigma[name]) for name in PARAMETERS}
    _settle(evidence, best, found, given, pairs)
    _note_blind_spots(evidence, best, found, pairs)


def _offer(evidence: Evidence, rival: Fit, found: Diagnosis, given: Geometry, pairs: Pairs) -> None:
    """Put the corrections of the other handedness, which fit about as well, among the findings."""
    kept = _significant(evidence, rival, pairs)
    lines = replace(_arrangement(rival.hypothesis), **kept).onto(given)
    if lines:
        found.findings.append(f"about as good as the correction below: input: {{geometry: {yaml(lines)}}}")


def _note_blind_spots(evidence: Evidence, best: Fit, found: Diagnosis, pairs: Pairs) -> None:
    """What these views do not determine."""
    arranged, blind = best.hypothesis, []
    for name, changed, words in (
        ("focal_factor", arranged.focal_factor * UNNOTICED_FOCAL, f"the focal length within {UNNOTICED_FOCAL - 1:.0%}"),
        ("axis_shift_px", arranged.axis_shift_px + UNNOTICED_SHIFT * evidence.factor[0], "the place of the axis within a few pixels"),
    ):
        if score(replace(arranged, **{name: changed}).applied(evidence), pairs) < LITTLE_GAIN * best.score:
            blind.append(words)
    found.cannot_tell += blind
    if len(blind) == 2 and found.verdict == "right":
        found.verdict = "unclear"
    found.cannot_tell.append("mirrored columns from negated angles: both at once give the projections of the mirrored object")
    if np.ptp(evidence.views.camera_to_world[:, 2, 3]) < 1e-3 * np.abs(evidence.views.camera_to_world[:, :, 3]).max():
        found.cannot_tell.append("images upside down, as all sources lie in one plane; the beam's row only weakly")


def _arrangement(hypothesis: Hypothesis) -> Hypothesis:
    """Its mirroring and order alone."""
    return Hypothesis(mirror=hypothesis.mirror, transpose=hypothesis.transpose, reverse=hypothesis.reverse)


def _gain(evidence: Evidence, fit: Fit, name: str, pairs: Pairs) -> float:
    """How many times worse the score is without one of the corrections."""
    without = replace(fit.hypothesis, **{name: getattr(Hypothesis(), name)})
    return score(without.applied(evidence), pairs) / max(fit.score, 1e-12)


def _significant(evidence: Evidence, fit: Fit, pairs: Pairs) -> dict[str, float]:
    """The corrections of a fit that the views call for."""
    kept = {}
    for name in PARAMETERS:
        value, neutral = getattr(fit.hypothesis, name), getattr(Hypothesis(), name)
        if abs(value - neutral) > SIGNIFICANT * fit.sigma[name] and _gain(evidence, fit, name, pairs) > LITTLE_GAIN:
            kept[name] = value
    return kept


def _settle(evidence: Evidence, fit: Fit, found: Diagnosis, given: Geometry, pairs: Pairs) -> None:
    """Verdict, findings and corrections from the best fit."""
    base, kept = _arrangement(fit.hypothesis), _significant(evidence, fit, pairs)
    own = found.scores["as the files say"]
    if base == Hypothesis() and own < MENTIONED * fit.score and not any(blur(evidence, name, value) > BLUR for name, value in kept.items()):
        kept = {}
    serious = [name for name, value in kept.items() if blur(evidence, name, value) > BLUR and _gain(evidence, fit, name, pairs) > GAIN]
    found.best = replace(base, **kept)
    if base != Hypothesis():
        found.arrangement = named(base)
        found.findings.append(about(base))
    found.findings += [about_parameter(name, *found.measured[name]) for name in kept]
    found.verdict = "wrong" if serious or base != Hypothesis() else "small corrections" if kept else "right"
    found.mend = {} if base.transpose or base.reverse else found.best.onto(given)
