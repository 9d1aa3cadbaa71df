"""Figures of quality: volumes against volumes, projections against projections, motion against motion."""

from __future__ import annotations

import math

import numpy as np

SSIM_WINDOW = 11  # pixels; Gaussian of 1.5 pixels cut at 3.5 standard deviations


class Correlation:
    """Normalized (Pearson) correlation of two arrays that arrive in parts.

    Means and sums of squares are merged part by part (Chan, Golub and LeVeque 1983,
    section 2), so the result does not depend on how the arrays are cut, beyond
    rounding, and whole volumes need never be in memory.
    """

    def __init__(self):
        self.count = 0
        self._mean_a = self._mean_b = 0.0
        self._aa = self._bb = self._ab = 0.0

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        """Take in two arrays of one shape. Raises ValueError where the shapes differ."""
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            raise ValueError(f"arrays differ in shape: {a.shape} and {b.shape}")
        n = a.size
        if n == 0:
            return
        mean_a, mean_b = float(a.mean()), float(b.mean())
        a, b = a.ravel() - mean_a, b.ravel() - mean_b
        step_a, step_b = mean_a - self._mean_a, mean_b - self._mean_b
        total = self.count + n
        weight = self.count * n / total
        self._aa += float(a @ a) + step_a * step_a * weight
        self._bb += float(b @ b) + step_b * step_b * weight
        self._ab += float(a @ b) + step_a * step_b * weight
        self._mean_a += step_a * n / total
        self._mean_b += step_b * n / total
        self.count = total

    @property
    def value(self) -> float:
        """The correlation in [-1, 1]; NaN where either array is constant or nothing was added."""
        # rounding leaves a constant array a variance of this order
        floor_a = self.count * (1e-15 * max(abs(self._mean_a), 1e-150)) ** 2
        floor_b = self.count * (1e-15 * max(abs(self._mean_b), 1e-150)) ** 2
        if self.count == 0 or self._aa <= floor_a or self._bb <= floor_b:
            return math.nan
        return max(-1.0, min(1.0, self._ab / math.sqrt(self._aa) / math.sqrt(self._bb)))


class MeanSquaredDifference:
    """Mean squared difference of two arrays that arrive in parts."""

    def __init__(self):
        self.count, self._sum = 0, 0.0

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        """Take in two arrays of one shape. Raises ValueError where the shapes differ."""
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            raise ValueError(f"arrays differ in shape: {a.shape} and {b.shape}")
        difference = (a - b).ravel()
        self._sum += float(difference @ difference)
        self.count += a.size

    @property
    def value(self) -> float:
        """In the square of the arrays' unit; NaN where nothing was added."""
        return self._sum / self.count if self.count else math.nan


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Normalized correlation of two arrays of one shape; NaN where either is constant."""
    whole = Correlation()
    if np.ndim(a) < 2:
        whole.add(a, b)
    else:
        if np.shape(a) != np.shape(b):
            raise ValueError(f"arrays differ in shape: {np.shape(a)} and {np.shape(b)}")
        for part_a, part_b in zip(a, b, strict=True):  # slab by slab: the float64 copies stay small
            whole.add(part_a, part_b)
    return whole.value


def psnr(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio in dB of two transmission images (peak 1); infinite where they are equal.

    mask: the pixels that count, bool, of the images' shape; None: all. NaN where none does.
    """
    predicted, measured = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    if predicted.shape != measured.shape:
        raise ValueError(f"images differ in shape: {predicted.shape} and {measured.shape}")
    squares = (predicted - measured) ** 2
    if mask is not None and not mask.any():
        return math.nan
    error = float(np.mean(squares if mask is None else squares[mask]))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Structural similarity of two transmission images [height, width], range 1.

    With the Gaussian window of Wang et al. 2004 (1.5 pixels). NaN for images
    smaller than the window. mask: the pixels that count, bool [height, width];
    the mean is taken over the windows around these, in which others have no
    difference. NaN where none is left.
    """
    from skimage.metrics import structural_similarity

    predicted, measured = np.asarray(predicted, np.float64), np.asarray(measured, np.float64)
    if predicted.shape != measured.shape:
        raise ValueError(f"images differ in shape: {predicted.shape} and {measured.shape}")
    if min(measured.shape) < SSIM_WINDOW:
        return math.nan
    settings = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    if mask is None:
        return float(structural_similarity(measured, predicted, **settings))
    inner = (slice(SSIM_WINDOW // 2, -(SSIM_WINDOW // 2)),) * 2  # whole windows, as without a mask
    of_window = structural_similarity(measured, np.where(mask, predicted, measured), full=True, **settings)[1][inner][mask[inner]]
    return float(of_window.mean()) if of_window.size else math.nan


def displacement_error(found: np.ndarray, true: np.ndarray, resolution: int) -> dict[str, float]:
    """How far carried points are from where they should be.

    found, true: [N, 3] world units; resolution: voxels per axis of the box, for
    the figures in voxels. Returns mean, p95 (95th percentile) and max in world
    units, mean_voxels and p95_voxels, and points = N. Raises ValueError where
    there are no points or the shapes differ.
    """
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    if found.shape != true.shape or found.ndim != 2 or found.shape[1] != 3:
        raise ValueError(f"points must be [N, 3], both alike, not {found.shape} and {true.shape}")
    if len(found) == 0:
        raise ValueError("no points")
    distance = np.linalg.norm(found - true, axis=1)
    mean, p95 = float(distance.mean()), float(np.percentile(distance, 95))
    voxel = 2.0 / resolution
    return {
        "mean": mean, "p95": p95, "max": float(distance.max()),
        "mean_voxels": mean / voxel, "p95_voxels": p95 / voxel, "points": len(found),
    }  # fmt: skip
