"""What a detector makes of a transmission: blur, photon noise, whole numbers."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def record(transmission: np.ndarray, *, bits: int, blur_px: float, photons: float | None, random: np.random.Generator) -> np.ndarray:
    """A detector image [height, width] uint8 or uint16, white is I = 1.

    transmission: [height, width], I / I0 with the flat field's factor. Blur
    comes before the noise, as a scintillator spreads light that is then
    counted. Counts above white are cut off; a flat field below 1 leaves room
    for them.
    """
    image = np.asarray(transmission, np.float64)
    if blur_px > 0:
        image = gaussian_filter(image, blur_px, mode="nearest")
    if photons is not None:
        image = random.poisson(photons * image) / photons
    white = 2**bits - 1
    return np.round(np.clip(image, 0.0, 1.0) * white).astype(np.uint8 if bits == 8 else np.uint16)
