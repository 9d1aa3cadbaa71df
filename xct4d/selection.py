"""An evenly spaced selection from an ordered collection."""

from __future__ import annotations

import numpy as np


def evenly_spaced(count: int, at_most: int) -> list[int]:
    """Indices of at most `at_most` of `count` items, first and last included, rising, none twice.

    Empty where count or at_most is 0.
    """
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).round().astype(int)).tolist()


def equally_spaced(count: int, at_most: int) -> list[int]:
    """As `evenly_spaced`, but with all gaps equal where a number of items above half of at_most allows it."""
    if count <= at_most:
        return list(range(count))
    equal = [k for k in range(at_most, at_most // 2 + 1, -1) if (count - 1) % (k - 1) == 0]
    return evenly_spaced(count, equal[0] if equal else at_most)
