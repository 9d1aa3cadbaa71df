"""Means of flats and of darks, and which of them were recorded together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from xct4d.readers.images import read_grey

T = TypeVar("T")


def groups(placed: Sequence[tuple[int, T]]) -> list[tuple[float, list[T]]]:
    """Images without a projection between them: (their mean place in the order of recording, the images) for each group.

    placed: (place, image), by place.
    """
    out: list[list[tuple[int, T]]] = []
    for place, image in placed:
        if out and place == out[-1][-1][0] + 1:
            out[-1].append((place, image))
        else:
            out.append([(place, image)])
    return [(float(np.mean([place for place, _ in group])), [image for _, image in group]) for group in out]


def mean_of(images: Iterable[tuple[Path, tuple[int, int], str, int | None]]) -> np.ndarray:
    """Mean [height, width] float32 of image files, each as the arguments of images.read_grey. Raises InputError as that does."""
    return mean(read_grey(*image)[0] for image in images)


def mean(images: Iterable[np.ndarray]) -> np.ndarray:
    """Mean [height, width] float32 of at least one image of one size, which are read one at a time."""
    total, count = None, 0
    for image in images:
        total = image.astype(np.float64) if total is None else total + image
        count += 1
    return (total / count).astype(np.float32)
