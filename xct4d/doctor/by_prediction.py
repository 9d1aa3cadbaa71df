"""The verdict of a low-resolution reconstruction: how well it predicts views that were left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xct4d.config import Geometry
from xct4d.doctor import judge
from xct4d.doctor.blur import BLUR, blur
from xct4d.doctor.diagnosis import Diagnosis, about, about_parameter, named
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.hypothesis import Hypothesis

CLEAR = 1.1  # times better must mirrored images be, or the files' own, to be told from the other
GAIN = 1.02  # times worse is the error without a correction
HOPELESS = 0.5  # an error from which nothing is told


def verdict_by_prediction(evidence: Evidence, found: Diagnosis, given: Geometry) -> bool:
    """Put into `found` what the predictions say. False where they say nothing: then the verdict stays as it is."""
    arrangements = [Hypothesis()] if evidence.is_parallel else [Hypothesis(), Hypothesis(mirror=True)]
    found.method = "reprojection"
    some = evidence.some(np.array(judge.chosen(len(evidence))))
    own = judge.predicted(some)
    best = judge.search(some, arrangements)
    found.scores = {"as the files say": own} | {named(hypothesis): error for hypothesis, error in best}
    hypothesis, error = min(best, key=lambda one: one[1])
    if hypothesis.mirror and error * CLEAR > best[0][1]:
        hypothesis, error = best[0]
    if error > HOPELESS:
        found.cannot_tell.append(f"geometry: pairs of views do not tell, and {len(some)} views predict no others (error {error:.2g})")
        return False
    if len(best) > 1 and not hypothesis.mirror and best[1][1] < CLEAR * error:
        found.cannot_tell.append("the direction of rotation from these views")
    kept = {}
    for name in ("axis_shift_px", "focal_factor"):
        value = getattr(hypothesis, name)
        gain = judge.predicted(replace(hypothesis, **{name: getattr(Hypothesis(), name)}).applied(some)) / error
        if gain > GAIN and blur(evidence, name, value) > BLUR * max(1, evidence.images.shape[2] / judge.ACROSS):
            kept[name] = value
            found.measured[name] = value, np.inf
    found.best = replace(Hypothesis(mirror=hypothesis.mirror), **kept)
    if hypothesis.mirror:
        found.arrangement = "mirrored"
        found.findings.append(about(found.best))
    found.findings += [about_parameter(name, *found.measured[name]) for name in kept]
    found.mend = found.best.onto(given)
    found.verdict = "wrong" if hypothesis.mirror or kept else "right"
    return True
