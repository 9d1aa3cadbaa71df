"""The axis of a parallel beam by its images' moments.

In each row the mass of a projection is that of the object's slice, whatever the
angle, and its centre of mass is column(a) = axis + x cos a + y sin a (the first
consistency conditions of Helgason and Ludwig). Masses hold if rows are
perpendicular to the axis, which gives its roll; the constant of the centres is
its place. Needs rows whose sample lies whole within the image, and says nothing
about angles: the other direction of rotation gives a mirrored object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import rotate
from scipy.optimize import minimize_scalar

from xct4d.doctor.evidence import SIGNIFICANT, STRONG, Evidence

PARTS = 5  # of the views, left out in turn for the uncertainty
ENOUGH = 16  # rows and columns from which the roll is determined
ROLL, ROLLED = 4.0, 150  # degrees at most; pixels along the longer side of the images that are turned
SEEN = 0.05  # pixels by which an image's upper end must move to be noticed: a standard deviation
FEWEST = 6  # views
END = 0.03  # part of the columns at either edge whose mean is the level of air there
LEAST = 0.1  # of the greatest mass of a row: rows with less show the noise of air


@dataclass(frozen=True)
class Axis:
    """Where the rotation axis is seen, against where the cameras put it."""

    shift: float  # pixels of the evidence to the right
    shift_sigma: float
    roll_deg: float | None  # it leans to the right; None where there are too few rows
    roll_sigma: float


def axis_by_mass(evidence: Evidence) -> Axis | None:
    """None where no row shows the whole sample in all views, or they come from too few directions."""
    design = np.column_stack([np.ones(len(evidence)), evidence.views.camera_to_world[:, :2, 0]])
    if len(evidence) < FEWEST or np.linalg.cond(design) > 50 or not _moments(evidence)[0].any():
        return None
    roll, roll_sigma = _roll(evidence)
    if roll is not None and abs(roll) > SIGNIFICANT * roll_sigma:
        evidence = _turned(evidence, roll)
    usable, mass, centre = _moments(evidence)
    if not usable.any():
        return None
    offset, weights = centre[:, usable] - _expected(evidence)[:, None], mass[:, usable].mean(0)

    def place(kept: np.ndarray) -> float:
        return float(np.average(np.linalg.lstsq(design[kept], offset[kept], rcond=None)[0][0], weights=weights))

    group = np.arange(len(evidence)) % PARTS
    others = np.array([place(group != part) for part in range(PARTS)])
    sigma = float(np.sqrt((PARTS - 1) / PARTS * ((others - others.mean()) ** 2).sum()))
    return Axis(place(group >= 0), sigma, roll, roll_sigma)


def _roll(evidence: Evidence) -> tuple[float | None, float]:
    """Degrees by which images must be turned for the mass of each row to be the same in all views, and how far the halves of the views differ."""
    small = evidence.binned(-(-max(evidence.images.shape[1:]) // ROLLED))
    if min(evidence.images.shape[1:]) < ENOUGH or np.any(small.factor != small.factor[0]):
        return None, np.inf

    def best(part: Evidence) -> float:
        return float(
            minimize_scalar(
                lambda degrees: _unequal(_turned(part, degrees)), bounds=(-ROLL, ROLL), method="bounded", options={"xatol": 0.01}
            ).x
        )

    halves = [best(small.some(np.arange(first, len(small), 2))) for first in (0, 1)]
    least = float(np.rad2deg(SEEN / (small.images.shape[1] / 2)))
    return sum(halves) / 2, max(abs(halves[0] - halves[1]) / 2, least)


def _unequal(evidence: Evidence) -> float:
    """How much the masses of rows differ between views, over all of it."""
    mass = evidence.images.sum(2)
    return float(np.sqrt(mass.var(axis=0).mean() / np.mean(mass**2)))


def _turned(evidence: Evidence, degrees: float) -> Evidence:
    """Images turned so that an axis that leans by so much to the right stands upright; about their middle."""
    return replace(evidence, images=rotate(evidence.images, degrees, axes=(1, 2), reshape=False, order=1))


def _moments(evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which rows show the whole sample [h] bool, their masses [V, h], and centres of mass [V, h] in pixels."""
    images = evidence.images.astype(np.float64)
    width = images.shape[2]
    column, end = np.arange(width) + 0.5, max(1, round(END * width))
    left, right = images[:, :, :end].mean(2), images[:, :, -end:].mean(2)
    part = (column - end / 2) / (width - end)
    images -= left[..., None] * (1 - part) + right[..., None] * part  # air that is not quite 0 would draw the centre to the middle
    images *= ((column > evidence.columns[:, 0].min()) & (column < evidence.columns[:, 1].max())).astype(float)
    mass = images.sum(2)
    whole = np.quantile(np.maximum(np.abs(left), np.abs(right)), 0.9, axis=0) < STRONG * evidence.strongest
    usable = whole & (mass.min(0) > LEAST * mass.mean(0).max())
    return usable, mass, (images * column).sum(2) / np.maximum(mass, 1e-12)


def _expected(evidence: Evidence) -> np.ndarray:
    """[V]: the column at which each camera sees the origin."""
    poses, views = evidence.views.camera_to_world, evidence.views
    seen = -np.einsum("vij,vi->vj", poses[:, :, :3], poses[:, :, 3])
    return views.centre[:, 0] + views.focal[:, 0] * seen[:, 0] / -seen[:, 2]
