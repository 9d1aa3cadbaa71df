"""The level of air, measured in images by the plateau that it makes: the brightest value that many pixels share."""

from __future__ import annotations

import numpy as np

SHARE = 0.05  # part of all values that must lie on the plateau
WIDTH = 0.03  # relative half-width of the plateau
BINS = 400  # between 0 and the brightest
ABOVE, FEW = 1.15, 0.02  # times the plateau: what is brighter than air is noise, and at most this part of all values


def plateau(values: np.ndarray) -> float | None:
    """The brightest level that at least SHARE of the values share within WIDTH of it; None where there is none, or more is much brighter.

    values: counts or transmissions of whole images or of many of their pixels, any shape.
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    top = float(np.quantile(values, 0.999)) if len(values) else 0.0
    if not top > 0:
        return None
    levels = np.linspace(0, top * (1 + WIDTH), BINS + 1)[1:]
    ordered = np.sort(values)
    share = (np.searchsorted(ordered, levels * (1 + WIDTH), "right") - np.searchsorted(ordered, levels * (1 - WIDTH))) / len(values)
    enough = np.flatnonzero(share >= SHARE)
    if len(enough) == 0:
        return None
    best = int(enough[-1])
    while best > 0 and share[best - 1] > share[best]:
        best -= 1
    near = ordered[(ordered >= levels[best] * (1 - WIDTH)) & (ordered <= levels[best] * (1 + WIDTH))]
    level = float(np.median(near))
    return level if (ordered > ABOVE * level).mean() <= FEW else None
