"""One scan examined: grey levels first, then the method that its views allow."""

from __future__ import annotations

import numpy as np

from xct4d.config import Geometry
from xct4d.doctor.by_mass import verdict_by_mass
from xct4d.doctor.by_pairs import POOR, fits_of, least, verdict_by_pairs
from xct4d.doctor.by_prediction import verdict_by_prediction
from xct4d.doctor.consistency import Pairs, radius
from xct4d.doctor.diagnosis import Diagnosis
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.intensities import SIMILAR, Grey, examine
from xct4d.doctor.moments import axis_by_mass
from xct4d.doctor.sample import Sample
from xct4d.doctor.search import ROUGH, counted

COUNT = 0.4  # part of the planes that must count for pairwise consistency: else the sample is wider than the images
NARROW = 2.0  # degrees of half the fan in which rays are as good as parallel
FEWEST, LEAST_ARC = 8, 120.0  # views, and degrees between the outermost


def diagnose(sample: Sample, given: Geometry) -> tuple[Diagnosis, Evidence]:
    """Examine a scan: what was found, and the evidence it was found in. given: corrections that the configuration makes already."""
    images, views, flat_field, factor = sample.images, sample.views, sample.flat_field, sample.factor
    found = Diagnosis()
    grey = examine(images, flat_field)
    candidates = {
        kind: Evidence.of(grey.line_integrals(kind, images, flat_field), views, _level(kind, flat_field), factor) for kind in grey.kinds
    }
    kind, evidence = next(iter(candidates.items()))
    found.grey = kind
    if reason := _too_little(evidence):
        found.cannot_tell.append(f"geometry: {reason}")
    elif evidence.is_parallel or _half_fan(evidence) < NARROW:
        found.cannot_tell.append("the direction of rotation: in a parallel beam the other one gives the projections of the mirrored object")
        if (axis := axis_by_mass(evidence)) is not None:
            verdict_by_mass(evidence, axis, found, given)
        else:
            verdict_by_prediction(evidence, found, given)
    elif counted(evidence, Pairs.of(evidence, *ROUGH)) < COUNT:
        verdict_by_prediction(evidence, found, given)
    else:
        fits = {each: fits_of(one) for each, one in candidates.items()}
        if min(map(least, fits.values())) > POOR and verdict_by_prediction(evidence, found, given):
            return _told(found, grey, flat_field), evidence
        if len(fits) > 1 and least(fits["logarithm"]) * SIMILAR < least(fits["inverted"]):
            kind, evidence = "logarithm", candidates["logarithm"]
            found.grey = kind
        verdict_by_pairs(evidence, fits[kind], found, given)
    return _told(found, grey, flat_field), evidence


def _told(found: Diagnosis, grey: Grey, flat_field: float) -> Diagnosis:
    """With what the grey levels say in front."""
    found.findings[:0] = _about_grey(grey, found.grey, flat_field)
    if found.grey != "transmission":
        found.verdict = "wrong"
    return found


def _level(kind: str, flat_field: float) -> float:
    return flat_field if kind in ("transmission", "inverted") else 1.0


def _about_grey(grey: Grey, kind: str, flat_field: float) -> list[str]:
    if kind == "inverted":
        return ["the images are inverted: air is dark and the sample bright; store 1 - I, so that air is 1"]
    if kind == "logarithm":
        return ["the images are logarithms: line integrals -ln(I/I0), not transmissions; store exp(-p), so that air is 1"]
    if kind == "undivided":
        uneven = f" and is uneven by {grey.uneven:.0%} over the edges" if grey.uneven > 0.05 else ""
        fix = (
            "divide each image by one of air"
            if uneven
            else f"divide by it (input.intensities.air for counts), or state flat_field: {grey.air:.4g}"
        )
        return [
            f"the images were never divided by air: it has transmission {grey.air:.3g} where {flat_field:.3g} is expected{uneven}; {fix}"
        ]
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
