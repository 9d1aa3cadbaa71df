"""Volumes that were measured at some times: the truth of a sample whose motion is not known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xct4d.config import Truth
from xct4d.phantom import shapes
from xct4d.phantom.described_volume import object_in
from xct4d.phantom.truth import Phantom


class MeasuredVolumes:
    """Attenuation at some times, as `Phantom` gives it; at others, and of the motion, nothing is known."""

    knows_motion = False

    def __init__(self, volumes: Mapping[float, shapes.Object]):
        """volumes: the object, mostly voxels, at each time."""
        self._volumes = dict(sorted(volumes.items()))
        self._read: tuple[float, Phantom] | None = None  # the one that was asked for last: a volume may fill the memory

    @classmethod
    def from_truth(cls, truth: Truth, folder: Path) -> MeasuredVolumes:
        """The volumes that a dataset's configuration names; paths are relative to the dataset's folder. Raises InputError."""
        return cls({file.time: object_in(file, folder, f"input.truth.volumes[{i}]") for i, file in enumerate(truth.volumes)})

    @property
    def times(self) -> tuple[float, ...]:
        """Times at which there is a volume, rising."""
        return tuple(self._volumes)

    def knows(self, t: float) -> bool:
        """Whether there is a volume of time t."""
        return t in self._volumes

    def density(self, points: np.ndarray, t: float) -> np.ndarray:
        """Attenuation per world unit at points [N, 3] at a time that is known. Returns [N] float64. Raises InputError where its file is damaged."""
        if self._read is None or self._read[0] != t:
            self._read = None
            self._read = (t, Phantom(self._volumes[t]))
        return self._read[1].density(points, 0.0)
