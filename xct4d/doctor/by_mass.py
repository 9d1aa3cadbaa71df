"""The verdict of centres of mass, for parallel beams."""

from __future__ import annotations

from dataclasses import replace

from xct4d.config import Geometry
from xct4d.doctor.blur import BLUR, blur
from xct4d.doctor.diagnosis import Diagnosis, about_parameter
from xct4d.doctor.evidence import SIGNIFICANT, Evidence
from xct4d.doctor.hypothesis import Hypothesis
from xct4d.doctor.moments import Axis

LEAST = 0.02  # standard deviation of the shift, at least, pixels of the evidence


def verdict_by_mass(evidence: Evidence, axis: Axis, found: Diagnosis, given: Geometry) -> None:
    """Put into `found` what the axis of the centres of mass says."""
    found.method = "centres of mass"
    across = evidence.factor[0]
    shift, sigma = axis.shift * across, max(axis.shift_sigma, LEAST) * across
    found.measured["axis_shift_px"] = shift, sigma
    kept = {}
    if abs(shift) > SIGNIFICANT * sigma:
        kept["axis_shift_px"] = shift
    if axis.roll_deg is not None:
        found.measured["roll_deg"] = axis.roll_deg, axis.roll_sigma
        if abs(axis.roll_deg) > SIGNIFICANT * axis.roll_sigma:
            kept["roll_deg"] = axis.roll_deg
    found.best = replace(Hypothesis(), **kept)
    found.findings += [about_parameter(name, *found.measured[name]) for name in kept]
    found.mend = found.best.onto(given)
    wrong = any(blur(evidence, name, value) > BLUR for name, value in kept.items())
    found.verdict = "wrong" if wrong else "small corrections" if kept else "right"
