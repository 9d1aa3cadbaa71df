"""An evenly spaced selection from an ordered collection."""

from __future__ import annotations

import numpy as np


def evenly_spaced(count: int, at_most: int) -> list[int]:
    """Indices of at most `at_most` of `count` items, first and last included, rising, none twice.

    Empty where count or at_most is 0.
    """
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).round().astype(int)).tolist()
