"""Images of larger pixels, as `Views.downscaled` has the cameras."""

from __future__ import annotations

import numpy as np


def area_average(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of factor x factor blocks: [h, w] -> [h // factor, w // factor] float32; remainders at the right and lower edges are cut off.

    Intensities are averaged, as a detector with larger pixels would.
    """
    height, width = (n // factor for n in image.shape)
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
