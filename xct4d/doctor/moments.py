"""The axis of a parallel beam by centres of mass.

In each row the centre of mass of a projection is that of the object's slice,
seen under the view's angle: column(a) = axis + x cos a + y sin a (the first
consistency condition of Helgason and Ludwig). The constant is the axis; how it
changes from row to row is the axis's roll. Needs rows whose sample lies whole
within the image, and says nothing about angles: in a parallel beam the other
direction of rotation gives the projections of a mirrored object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xct4d.doctor.evidence import STRONG, Evidence

PARTS = 5  # of the views, left out in turn for the uncertainty
ENOUGH = 8  # rows from which the roll is determined
END = 0.03  # part of the columns at either edge whose mean is the level of air there
LEAST = 0.1  # of the greatest mass of a row: rows with less show the noise of air


@dataclass(frozen=True)
class Axis:
    """Where the rotation axis is seen, against where the cameras put it."""

    shift: float  # pixels of the evidence to the right
    shift_sigma: float
    roll_deg: float | None  # None where there are too few rows
    roll_sigma: float
    scatter: float  # root mean square distance of the centres of mass from the law, pixels of the evidence


def axis_by_mass(evidence: Evidence) -> Axis | None:
    """None where no row shows the whole sample in all views, or they come from too few directions."""
    usable, mass, centre = _centres(evidence)
    if usable.sum() < 1 or len(evidence) < 6:
        return None
    rows, weights = np.flatnonzero(usable), mass[:, usable].mean(0)
    design = np.column_stack([np.ones(len(evidence)), evidence.views.camera_to_world[:, :2, 0]])
    if np.linalg.cond(design) > 50:
        return None
    offset = centre[:, usable] - _expected(evidence)[:, None]
    every = _fit(design, offset, rows, weights)
    group = np.arange(len(evidence)) % PARTS
    others = np.array([_fit(design[group != part], offset[group != part], rows, weights) for part in range(PARTS)])
    sigma = np.sqrt((PARTS - 1) / PARTS * ((others - others.mean(0)) ** 2).sum(0))
    solved = np.linalg.lstsq(design, offset, rcond=None)[0]
    scatter = float(np.sqrt(np.average(((offset - design @ solved) ** 2).mean(0), weights=weights)))
    has_roll = len(rows) >= ENOUGH
    return Axis(float(every[0]), float(sigma[0]), float(every[1]) if has_roll else None, float(sigma[1]), scatter)


def _centres(evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def _fit(design: np.ndarray, offset: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Shift of the axis at the middle of the rows, and its roll in degrees (0 where there are too few rows)."""
    constant = np.linalg.lstsq(design, offset, rcond=None)[0][0]  # [rows]
    if len(rows) < ENOUGH:
        return np.array([np.average(constant, weights=weights), 0.0])
    middle = np.average(rows, weights=weights)
    slope, shift = np.polyfit(rows - middle, constant, 1, w=np.sqrt(weights))
    return np.array([shift, -np.rad2deg(np.arctan(slope))])
