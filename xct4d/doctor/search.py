"""The corrections under which the views of a scan agree best: a grid over large errors, then least squares over all continuous ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from xct4d.doctor.consistency import Pairs, differences, masses
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.hypothesis import Hypothesis

COARSE, MIDDLE = 100, 200  # pixels along the longer side of the images of the grid, and of the first least squares
GRID, ROUGH, FINE = (60, 8), (60, 24), (90, 64)  # pairs and planes of the grid, of the first least squares and of the last
FOCAL = tuple(2.0 ** np.linspace(-1.4, 1.4, 15))  # factors of the grid: 0.38 to 2.6
WIDEST = 0.06  # of the image's width: the largest shift of the axis in the grid
SHIFTS = 13
STARTS = 2  # points of the grid from which least squares starts
PARAMETERS = ("focal_factor", "axis_shift_px", "row_shift_px", "roll_deg")
ROLL = 5.0  # degrees at most
PARTS = 5  # of the views, left out in turn for the uncertainty
SOFT = 0.5  # differences above this many times their root mean square count less
CLEAR = 2.0  # times better is so clear that the other handedness need not be refined


@dataclass(frozen=True)
class Fit:
    """The best corrections of one handedness."""

    hypothesis: Hypothesis
    score: float  # root mean square of the differences of masses over their usual size
    sigma: dict[str, float]  # of each of PARAMETERS, by leaving out views; infinite where it is unknown


def score(evidence: Evidence, pairs: Pairs) -> float:
    """Root mean square difference of the evidence as it is; infinite where hardly a plane counts."""
    found = differences(masses(evidence, pairs))
    usable = found[np.isfinite(found)]
    return float(np.sqrt(np.mean(usable**2))) if len(usable) > found.size // 20 else np.inf


def counted(evidence: Evidence, pairs: Pairs) -> float:
    """Part of the planes that lie within the images and whose rays end in air."""
    found = masses(evidence, pairs)
    return float(np.isfinite(found).all(-1).mean()) if found.size else 0.0


def search(evidence: Evidence, arrangements: list[Hypothesis]) -> list[Fit]:
    """The best corrections of each arrangement (mirrored or not, reversed or not); those that are clearly worse only roughly."""
    rough = []
    for base in arrangements:
        arranged = base.applied(evidence)
        longest = max(arranged.images.shape[1:])
        middle = arranged.binned(round(longest / MIDDLE))
        pairs = Pairs.of(middle, *ROUGH)
        found = [_least_squares(middle, start, pairs) for start in _grid(arranged.binned(round(longest / COARSE)))]
        rough.append(min(found, key=lambda one: one[1]))
    least = min(one[1] for one in rough)
    return [_fit(evidence, base, *one, refine=one[1] < CLEAR * least) for base, one in zip(arrangements, rough, strict=True)]


def _fit(evidence: Evidence, base: Hypothesis, found: np.ndarray, least: float, *, refine: bool) -> Fit:
    sigma = dict.fromkeys(PARAMETERS, np.inf)
    if refine:
        arranged = base.applied(evidence)
        pairs = Pairs.of(arranged, *FINE)
        found, least = _least_squares(arranged, found, pairs)
        sigma = dict(zip(PARAMETERS, _jackknife(arranged, found, pairs).tolist(), strict=True))
    values = dict(zip(PARAMETERS, found.tolist(), strict=True)) | {"focal_factor": float(np.exp(found[0]))}
    return Fit(replace(base, **values), least, sigma)


def _moved(evidence: Evidence, parameters: np.ndarray) -> Evidence:
    focal, shift, row, roll = parameters.tolist()
    return Hypothesis(focal_factor=float(np.exp(focal)), axis_shift_px=shift, row_shift_px=row, roll_deg=roll).moved(evidence)


def _grid(evidence: Evidence) -> list[np.ndarray]:
    pairs = Pairs.of(evidence, *GRID)
    width = evidence.images.shape[2] * evidence.factor[0]
    points = [np.zeros(4)]
    for focal in np.log(FOCAL):
        points += [np.array([focal, shift, 0.0, 0.0]) for shift in np.linspace(-WIDEST, WIDEST, SHIFTS) * width]
    scores = [score(_moved(evidence, point), pairs) for point in points]
    return [points[i] for i in np.argsort(scores, kind="stable")[:STARTS]]


def _scale(evidence: Evidence) -> np.ndarray:
    """Of ln focal factor, shift, row and roll: changes that matter about as much."""
    height, width = np.array(evidence.images.shape[1:]) * evidence.factor[::-1]
    return np.array([0.1, 0.01 * width, 0.01 * height, 0.5])


def _residuals(evidence: Evidence, parameters: np.ndarray, pairs: Pairs) -> np.ndarray:
    """[P, planes]; planes that do not count are 0."""
    return np.nan_to_num(differences(masses(_moved(evidence, parameters), pairs)))


def _least_squares(evidence: Evidence, start: np.ndarray, pairs: Pairs) -> tuple[np.ndarray, float]:
    """Parameters (ln focal factor, shift, row, roll), and the score there."""
    scale = _scale(evidence)
    most = np.array([1.2, 1.5 * WIDEST / 0.01 * scale[1], 6 * scale[2], ROLL]) / scale
    usual = max(float(np.sqrt(np.mean(_residuals(evidence, start, pairs) ** 2))), 1e-9)
    found = least_squares(
        lambda scaled: _residuals(evidence, scaled * scale, pairs).ravel(), np.clip(start / scale, -0.99 * most, 0.99 * most),
        bounds=(-most, most), loss="soft_l1", f_scale=SOFT * usual, diff_step=1e-3, ftol=1e-4, xtol=1e-4, gtol=1e-12, max_nfev=12,
    ).x * scale  # fmt: skip
    return found, score(_moved(evidence, found), pairs)


def _jackknife(evidence: Evidence, found: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Standard deviation of each parameter: groups of views are left out in turn, and one step of Gauss and Newton taken without them."""
    scale = _scale(evidence)
    residual = _residuals(evidence, found, pairs)
    slopes = np.stack([(_residuals(evidence, found + 0.02 * step, pairs) - residual) / 0.02 for step in np.diag(scale)], -1)
    weight = 1 / np.sqrt(1 + (residual / max(SOFT * float(np.sqrt(np.mean(residual**2))), 1e-9)) ** 2)
    steps = []
    for part in range(PARTS):
        kept = ~np.isin(pairs.index % PARTS, part).any(axis=1)
        if kept.sum() < 4:
            return np.full(len(PARAMETERS), np.inf)
        weighted = slopes[kept].reshape(-1, len(scale)) * weight[kept].reshape(-1, 1)
        steps.append(np.linalg.lstsq(weighted, -residual[kept].ravel() * weight[kept].ravel(), rcond=1e-6)[0] * scale)
    return np.sqrt((PARTS - 1) / PARTS * ((np.array(steps) - np.mean(steps, 0)) ** 2).sum(0))
