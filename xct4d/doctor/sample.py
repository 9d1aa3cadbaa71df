"""Some views of a scan, few and small enough to look at often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xct4d.geometry.larger_pixels import area_average
from xct4d.geometry.views import Views, concatenate
from xct4d.selection import evenly_spaced

LOOKED_AT = 48  # views at most
FINE = 400  # pixels along the longer side, at most


@dataclass(frozen=True)
class Sample:
    """V views of one size."""

    images: np.ndarray  # [V, h, w] float32: transmissions
    views: Views  # V, in the pixels of `images`
    flat_field: float  # transmission that air should have
    factor: float  # pixels of the full image along one of `images`

    @classmethod
    def of(cls, load: Callable[[int], np.ndarray], views: Sequence[Views], flat_field: float, factor: float = 1.0) -> Sample:
        """Of projections of the most common size, evenly spaced.

        load: transmission [height, width] of projection i; views: the camera of
        each, in its pixels; factor: pixels of the full image along one of these.
        """
        sizes = [tuple(own.size[0].tolist()) for own in views]
        common = max(dict.fromkeys(sizes), key=sizes.count)
        alike = [i for i, size in enumerate(sizes) if size == common]
        chosen = [alike[i] for i in evenly_spaced(len(alike), LOOKED_AT)]
        smaller = min(-(-max(common) // FINE), *common)
        images = np.stack([area_average(load(i), smaller) for i in chosen])
        return cls(images, concatenate([views[i].downscaled(smaller) for i in chosen]), flat_field, factor * smaller)
