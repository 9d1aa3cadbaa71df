"""Pixels that measured nothing, or something else than the sample: they take the median of their neighbours.

Dead pixels are told by their flat. A zinger (a photon that hit the camera
itself) stands out alone or with one neighbour, which edges and struts do not.
"""

from __future__ import annotations

import numpy as np

_ROUND = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


def replaced_by_medians(
    image: np.ndarray,  # [height, width] float32
    bad: np.ndarray,  # [height, width] bool
) -> np.ndarray:
    """The image in which a bad pixel has the median of its 8 neighbours that are not bad; of the nearest around, where these are bad, too."""
    if not bad.any():
        return image
    good = np.where(bad, np.float32(np.nan), image)
    left = bad
    for _ in range(max(image.shape)):
        rows, columns = np.nonzero(left)
        around = _neighbours(good, rows, columns)
        some = np.isfinite(around).any(1)
        if not some.any():
            break
        good[rows[some], columns[some]] = np.nanmedian(around[some], axis=1)
        left = np.isnan(good)
        if not left.any():
            return good
    return np.nan_to_num(good, nan=0.0)


def without_zingers(
    image: np.ndarray,  # [height, width] float32
    threshold: float,
) -> tuple[np.ndarray, int]:
    """The image without zingers, and how many there were.

    One is a pixel above the second largest, or below the second smallest, of
    its 8 neighbours by more than `threshold`; it takes their median.
    """
    step = np.abs(np.diff(image, axis=1)) > threshold  # a zinger differs from one at least of left and right
    candidate = np.zeros(image.shape, bool)
    candidate[:, 1:] |= step
    candidate[:, :-1] |= step
    rows, columns = np.nonzero(candidate)
    around = np.sort(_neighbours(image, rows, columns), axis=1)  # NaN, beyond the image's edge, comes last
    count = np.isfinite(around).sum(1)
    second = around[np.arange(len(rows)), np.maximum(count - 2, 0)]
    value = image[rows, columns]
    out = (count > 2) & ((value > second + threshold) | (value < around[:, 1] - threshold)) if len(rows) else np.zeros(0, bool)
    cleaned = image.copy()
    cleaned[rows[out], columns[out]] = np.nanmedian(around[out], axis=1) if out.any() else 0.0
    return cleaned, int(out.sum())


def _neighbours(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """[N, 8]: the pixels around each of N pixels, NaN beyond the edge."""
    padded = np.pad(image, 1, constant_values=np.nan)
    return np.stack([padded[rows + 1 + i, columns + 1 + j] for i, j in _ROUND], axis=1)
