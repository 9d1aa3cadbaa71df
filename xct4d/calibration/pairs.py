"""Rows of two sources against each other, by what their simultaneous projections must agree on whatever the sample does (doctor.consistency)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.optimize import minimize_scalar

from xct4d.calibration.correction import Correction
from xct4d.doctor.consistency import Pairs, differences, masses
from xct4d.doctor.evidence import Evidence
from xct4d.geometry.views import concatenate
from xct4d.io.prepared import Frames
from xct4d.selection import evenly_spaced

TIMES = 24  # that are looked at, at most
PARTS = 5  # of the times, left out in turn for the uncertainty
FEWEST = 3  # times
STEP, TRIED = 0.75, 12  # pixels between the rows that are tried, and how many on each side
COUNTED = 0.3  # part of the planes that must lie within the images and end in air
SOFT = 1.0  # differences above this many times their root mean square count less


@dataclass(frozen=True)
class RowDifference:
    """By how much the row of the second source is larger than that of the first, beyond what the files say: pixels."""

    first: int
    second: int
    row_px: float
    sigma: float


def row_differences(frames: Frames, sources: list[np.ndarray], corrections: list[Correction]) -> list[RowDifference]:
    """Of all pairs of sources that see the sample at the same times from directions that can be compared.

    corrections: of each source, all but the rows, which are left as the files have them.
    """
    found = []
    for first, second in combinations(range(len(sources)), 2):
        moments = _moments(frames, sources[first], sources[second])
        kept = [replace(corrections[k], row_px=0.0) for k in (first, second)]
        seen = [one for f, g in moments if (one := _evidence(frames, f, g, kept)) is not None]
        if len(seen) >= FEWEST and (measured := _row(seen)) is not None:
            found.append(RowDifference(first, second, *measured))
    return found


def _moments(frames: Frames, first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Frames of both sources at the same time, of one size."""
    time = np.round(frames.frame_time(), 9)
    at = {float(time[f]): int(f) for f in first}
    both = [(at[float(time[g])], int(g)) for g in second if float(time[g]) in at]
    alike = [(f, g) for f, g in both if frames.size(f) == frames.size(g)]
    return [alike[k] for k in evenly_spaced(len(alike), TIMES)]


def _evidence(frames: Frames, first: int, second: int, corrections: list[Correction]) -> tuple[Evidence, Pairs] | None:
    views = [correction.applied(frames.views[[frames.main_view(f)]]) for f, correction in zip((first, second), corrections, strict=True)]
    images = np.stack([frames.image(first), frames.image(second)])
    evidence = Evidence.of(images, concatenate(views), frames.flat_field, 1.0)
    if evidence.is_parallel:
        return None
    pairs = Pairs.of(evidence)
    if len(pairs.index) == 0 or np.isfinite(masses(evidence, pairs)).all(-1).mean() < COUNTED:
        return None
    return evidence, pairs


def _row(seen: list[tuple[Evidence, Pairs]]) -> tuple[float, float] | None:
    """Row of the second against the first, and its standard deviation by leaving out times."""

    def residual(row: float) -> np.ndarray:  # [times, planes]
        return np.stack([_differences(evidence, pairs, row) for evidence, pairs in seen])

    usual = max(float(np.sqrt(np.mean(residual(0.0) ** 2))), 1e-12)

    def cost(row: float) -> float:
        return float((np.sqrt(1 + (residual(row) / (SOFT * usual)) ** 2) - 1).sum())

    tried = STEP * np.arange(-TRIED, TRIED + 1)
    start = float(tried[np.argmin([cost(own) for own in tried])])
    row = float(minimize_scalar(cost, bounds=(start - STEP, start + STEP), method="bounded", options={"xatol": 0.005}).x)
    slope = (residual(row + 0.25) - residual(row - 0.25)) / 0.5
    left = residual(row)
    weight = 1 / np.sqrt(1 + (left / max(SOFT * float(np.sqrt(np.mean(left**2))), 1e-12)) ** 2)
    parts = np.arange(len(seen)) * min(PARTS, len(seen)) // len(seen)
    steps = []
    for part in np.unique(parts):
        kept = parts != part
        steps.append(-float((slope * weight * left)[kept].sum()) / max(float((slope**2 * weight)[kept].sum()), 1e-30))
    count = len(steps)
    return row, float(np.sqrt((count - 1) / count * ((np.array(steps) - np.mean(steps)) ** 2).sum()))


def _differences(evidence: Evidence, pairs: Pairs, row: float) -> np.ndarray:
    """[planes] with the second view's row moved; planes that do not count are 0."""
    centre = evidence.views.centre + np.array([[0.0, 0.0], [0.0, row]])
    return np.nan_to_num(differences(masses(replace(evidence, views=replace(evidence.views, centre=centre)), pairs)))[0]
