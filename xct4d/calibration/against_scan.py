"""The correction of one camera under which a scan predicts its projection best.

Least squares over the pixels, by Gauss and Newton, on smaller images first. The
brightness of the prediction is free (a factor and a constant), as a
reconstruction's is not exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import affine_transform, gaussian_filter

from xct4d.calibration.correction import NAMES, Correction
from xct4d.fields.baked import BakedField
from xct4d.geometry.views import Views, concatenate
from xct4d.kernels.projector import project

SIZES = (48, 96)  # pixels along the longer side, from coarse to fine
STEPS = (4, 3)  # of Gauss and Newton at each
BLUR = 0.7  # standard deviation of the images, pixels
PRIOR_PART = 0.02  # of the image's width: standard deviation of column and row before anything is measured
PRIOR = {"roll_deg": 0.5, "angle_deg": 1.0, "distance": 0.02}  # the same of the others
FIXED = 1e-9  # the same of what is not measured
ALIKE = 16  # pixels about whose residuals are one: those of a motion, or of the scan's artefacts, are smooth
TRIED = {"roll_deg": 0.2, "angle_deg": 0.2, "distance": 0.005}  # changes by which derivatives are taken
TRIED_PX = 0.25


class ScanVolume:
    """A scan as voxels, coarser for smaller images."""

    def __init__(self, attenuation: np.ndarray):  # [n, n, n] (z, y, x)
        baked = BakedField(torch.from_numpy(np.ascontiguousarray(attenuation, np.float32)))
        self._levels = [baked.coarser(min(size, len(attenuation))).volume.permute(1, 2, 0).contiguous() for size in SIZES]
        self._spans = [_span(volume) for volume in self._levels]

    def predicted(self, level: int, views: Views) -> np.ndarray:
        """Line integrals [V, height, width]."""
        return project(self._levels[level], self._spans[level], views).permute(0, 2, 1).numpy()


@dataclass(frozen=True)
class Seen:
    """One projection."""

    image: np.ndarray  # line integrals [height, width]
    view: Views  # its camera, by the files
    counts: np.ndarray | None = None  # [height, width] bool: which pixels do; None where all do


def correction_of(volume: ScanVolume, seen: Seen, free: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """[5] in the order of NAMES.

    free: which of them are measured, [5] bool; the others are 0. start: values
    [5] that are nearly right; without them the coarsest images come first.
    """
    values = np.zeros(len(NAMES)) if start is None else start
    for level in range(0 if start is None else 1, len(SIZES)):
        fit = _Fit(volume, level, seen, free)
        for _ in range(STEPS[level]):
            values = fit.step(values)
    return values


def left(volume: ScanVolume, seen: Seen) -> float:
    """Root mean square of what a scan leaves of a projection, over the projection's own."""
    return _Fit(volume, len(SIZES) - 1, seen, np.ones(len(NAMES), bool)).left(np.zeros(len(NAMES)))


def _span(volume: torch.Tensor) -> torch.Tensor:
    """The columns of a volume [n, n, n] (y, x, z) as the projector takes them: [2, n, n] int32, first and past the last z with material."""
    holds = (volume > 0).to(torch.uint8)
    first, last = holds.argmax(2), len(volume) - holds.flip(2).argmax(2)
    return torch.where(holds.amax(2) > 0, torch.stack([first, last]), 0).to(torch.int32)


def _binned(image: np.ndarray, factor: int) -> np.ndarray:
    """Means over blocks of factor x factor pixels; what is left over at the right and below is cut."""
    height, width = (n // factor for n in image.shape)
    return image[: height * factor, : width * factor].reshape(height, factor, width, factor).mean((1, 3))


def _rolled(image: np.ndarray, view: Views, degrees: float) -> np.ndarray:
    """The projection [height, width] of a view whose camera turns about its viewing direction, as geometry.corrections.rolled turns it.

    The image turns about the place where the optical axis meets it. Line
    integrals along rays that lean against the detector's columns take ten times
    as long.
    """
    if degrees == 0:
        return image
    (fx, fy), middle = view.focal[0], view.centre[0, ::-1] - 0.5  # row and column, whole at the centres of pixels
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.array([[cos, -sin * fy / fx], [sin * fx / fy, cos]])
    return affine_transform(image, matrix, middle - matrix @ middle, order=3, mode="constant")


class _Fit:
    """One projection at one size of pixels."""

    def __init__(self, volume: ScanVolume, level: int, seen: Seen, free: np.ndarray):
        factor = max(round(max(seen.image.shape) / SIZES[level]), 1)
        self._volume, self._level, self._factor = volume, level, factor
        self._view = seen.view.downscaled(factor)
        self._image = gaussian_filter(_binned(seen.image, factor), BLUR)
        self._weight = np.exp(-np.maximum(self._image, 0) / 2)
        if seen.counts is not None:
            self._weight *= _binned(seen.counts.astype(np.float32), factor)
        widest = PRIOR_PART * max(seen.image.shape)
        self._prior = np.where(free, [PRIOR.get(name, widest) for name in NAMES], FIXED)
        self._tried = np.array([TRIED.get(name, TRIED_PX * factor) for name in NAMES])

    def _predicted(self, values: list[np.ndarray]) -> np.ndarray:
        pixels = np.array([1 / self._factor, 1 / self._factor, 1, 1, 1])
        corrections = [Correction.of(own * pixels) for own in values]
        upright = concatenate([replace(own, roll_deg=0.0).applied(self._view) for own in corrections])
        images = self._volume.predicted(self._level, upright)
        turned = [_rolled(image, upright[[v]], own.roll_deg) for v, (image, own) in enumerate(zip(images, corrections, strict=True))]
        return np.stack([gaussian_filter(image, BLUR) for image in turned])

    def _bright(self, predicted: np.ndarray) -> np.ndarray:
        """[pixels, 2]: what the brightness of the prediction changes."""
        return np.stack([(predicted * self._weight).ravel(), self._weight.ravel()], 1)

    def _wanted(self) -> np.ndarray:
        return (self._image * self._weight).ravel()

    def _residual(self, predicted: np.ndarray) -> np.ndarray:
        free, wanted = self._bright(predicted), self._wanted()
        return wanted - free @ np.linalg.lstsq(free, wanted, rcond=None)[0]

    def left(self, values: np.ndarray) -> float:
        """Root mean square of what is left of the projection, over its own."""
        residual = self._residual(self._predicted([values])[0])
        return float(np.sqrt((residual**2).mean() / max((self._wanted() ** 2).mean(), 1e-30)))

    def step(self, values: np.ndarray) -> np.ndarray:
        """The values [5] after a step; the priors count as much as the residual leaves open."""
        changes = np.diag(self._tried)
        made = self._predicted([values, *(values + change for change in changes)])
        slopes = ((made[1:] - made[0]) * self._weight).reshape(len(NAMES), -1).T / self._tried
        both = np.concatenate([slopes, self._bright(made[0])], 1)
        normal, right = both.T @ both, both.T @ (self._wanted() + slopes @ values)
        noise = ALIKE * (self._residual(made[0]) ** 2).mean()
        normal[range(len(NAMES)), range(len(NAMES))] += noise / self._prior**2
        limit = 3 * self._prior
        return np.clip(np.linalg.solve(normal, right)[: len(NAMES)], -limit, limit)
