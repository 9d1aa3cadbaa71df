"""The part of the box in which a reconstruction is scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.config import EvaluatedRegion
from xct4d.errors import InputError
from xct4d.phantom.described_volume import object_in
from xct4d.phantom.truth import Phantom

WHERE = "evaluate.region.mask"


class ScoredRegion:
    """A cube, a box, or where a mask is above 0: of voxels each counts as a whole, without interpolation."""

    def __init__(self, settings: EvaluatedRegion, folder: Path):
        """folder: of the dataset, where the mask lies. Raises InputError where the mask cannot be read or is empty."""
        self.settings = settings
        self._low = self._high = self._voxels = self._object = None
        if settings.half_width is not None:
            self._low, self._high = np.full(3, -settings.half_width), np.full(3, settings.half_width)
        elif settings.box is not None:
            self._low, self._high = np.array([settings.box.x, settings.box.y, settings.box.z]).T
        elif settings.mask is not None:
            thing = object_in(settings.mask, folder, WHERE)
            if settings.mask.is_object:
                self._object = Phantom(thing)
            else:
                self._voxels = thing.files[settings.mask.path].read() > 0
                if not self._voxels.any():
                    raise InputError("is 0 everywhere", where=folder / settings.mask.path, fix=f"correct {WHERE}")

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Which of points [N, 3] (x, y, z) in the box lie in the region: [N] bool."""
        if self._voxels is not None:
            size = np.array(self._voxels.shape)
            place = (points[:, ::-1] + 1) / 2
            index = np.clip((place * (size - 1) + 0.5 if self.settings.mask.grid == "faces" else place * size).astype(int), 0, size - 1)
            return self._voxels[tuple(index.T)]
        if self._object is not None:
            return self._object.density(points, 0.0) > 0
        return ((points >= self._low) & (points <= self._high)).all(1)
