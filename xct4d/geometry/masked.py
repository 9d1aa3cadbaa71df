"""Images of which a mask says which pixels count."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from xct4d.geometry.larger_pixels import area_average

PART = 0.5  # of a larger pixel's own pixels must count for it to count


def masked_average(image: np.ndarray, mask: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """As `larger_pixels.area_average`, of an image [h, w] and the pixels of it that count, bool: (means over those, which of the larger pixels count).

    A larger pixel counts where at least half of its own do; the others have the
    value of the nearest that counts. At least one must.
    """
    part = area_average(mask.astype(np.float32), factor)
    counts = part >= PART
    mean = area_average(np.where(mask, image, np.float32(0)), factor) / np.maximum(part, np.float32(1e-6))
    return filled(mean, counts), counts


def filled(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """An image [h, w] in which pixels that do not count have the value of the nearest that does; as it is where none does."""
    if mask.all() or not mask.any():
        return image
    row, column = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return image[row, column]
