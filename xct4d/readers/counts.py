"""From counts to transmission: the projections of a scan divided by what the detector sees of air.

A scanner that corrects its images itself leaves one number, the counts of air
(`AirLevel`); others store flats and darks (`FlatsAndDarks`). The largest number
that a file could hold says nothing about air and is never divided by.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from xct4d.errors import InputError
from xct4d.readers.images import read_grey
from xct4d.readers.medians import replaced_by_medians
from xct4d.readers.reader import Projection

LEAST = 1e-6  # by which air must be brighter than darkness, in counts or as float images have it
DEAD = 0.02  # of the median of flat - dark: a pixel whose own is less measures nothing


class Normalisation(ABC):
    """How the counts of a scan become transmission."""

    @abstractmethod
    def transmission(self, counts: np.ndarray, place: float, where: str) -> np.ndarray:
        """I/I0 [height, width] float32 of one image. place: its number in the order of recording. where: file and frame, for messages."""


@dataclass(frozen=True)
class AirLevel(Normalisation):
    """One number for air: for images that the scanner has corrected already."""

    air: float
    dark: float = 0.0
    key: str = ""  # where the level stands, for messages

    def __post_init__(self):
        if not self.air - self.dark > LEAST:
            raise InputError(f"air has {self.air:g} counts, darkness {self.dark:g}", where=self.key, fix="give the counts of air")

    def transmission(self, counts: np.ndarray, place: float, where: str) -> np.ndarray:
        return (counts - np.float32(self.dark)) / np.float32(self.air - self.dark)


@dataclass(frozen=True)
class UnknownAir(Normalisation):
    """Neither a level of air nor flats are known: no image can be read before it is given."""

    key: str

    def transmission(self, counts: np.ndarray, place: float, where: str) -> np.ndarray:
        raise InputError(
            "says nothing about the counts of air", where=self.key, fix="give them as input.intensities.air; `xct4d new` measures them"
        )


@dataclass(frozen=True)
class Flats:
    """Images of air that were recorded together."""

    place: float  # their middle in the order of recording
    load: Callable[[], np.ndarray]  # their mean, [height, width] float32 counts


@dataclass(frozen=True, kw_only=True)
class FlatsAndDarks(Normalisation):
    """(I - dark) / (flat - dark) for each pixel.

    Between two sets of flats their means are interpolated by the order of
    recording; before the first and after the last that one is taken. A pixel
    that sees next to nothing of air takes the median of its neighbours.
    """

    flats: tuple[Flats, ...]  # in the order of recording, at least one
    dark: Callable[[], np.ndarray] | None  # mean of the darks; None: the counts are without an offset
    scale: float = 1.0  # exposure of a projection over that of a flat
    key: str = ""  # where they stand, for messages
    _kept: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    def transmission(self, counts: np.ndarray, place: float, where: str) -> np.ndarray:
        air = self._air_at(place)
        if air.shape != counts.shape:
            what = f"has {counts.shape[1]} x {counts.shape[0]} pixels, its flats {air.shape[1]} x {air.shape[0]}"
            raise InputError(what, where=where, fix="record flats with the projections' binning and region")
        dead = air <= DEAD * np.median(air)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            out = ((counts - self._dark) / air).astype(np.float32)
        return replaced_by_medians(out, dead | ~np.isfinite(out))

    @property
    def dead(self) -> int:
        """Number of pixels that see next to nothing of air, among the flats that were loaded."""
        return max((int((air <= DEAD * np.median(air)).sum()) for air in self._kept.values()), default=0)

    @cached_property
    def _dark(self) -> np.ndarray:
        return np.zeros((), np.float32) if self.dark is None else self.dark()

    def _air_at(self, place: float) -> np.ndarray:
        places = [flats.place for flats in self.flats]
        after = next((i for i, other in enumerate(places) if other >= place), len(places) - 1)
        before = after if places[after] <= place or after == 0 else after - 1
        if before == after:
            return self._air(after)
        weight = np.float32((place - places[before]) / (places[after] - places[before]))
        return (1 - weight) * self._air(before) + weight * self._air(after)

    def _air(self, i: int) -> np.ndarray:
        """Flat minus dark of one set, scaled to the projections' exposure. Raises InputError where it is no brighter than darkness."""
        if i not in self._kept:
            air = ((self.flats[i].load() - self._dark) * np.float32(self.scale)).astype(np.float32)
            if not np.median(air) > 0:
                raise InputError("the flats are no brighter than the darks", where=self.key, fix="are flats and darks exchanged?")
            self._kept[i] = air
        return self._kept[i]


@dataclass(frozen=True, kw_only=True)
class CountsProjection(Projection):
    """A projection that is stored as counts. A format says how they are read."""

    normalisation: Normalisation
    place: float  # its number in the order of recording

    @abstractmethod
    def counts(self) -> tuple[np.ndarray, int | None]:
        """[height, width] float32, finite, and the largest number that the file could hold; None for floats.

        Raises InputError where they are missing, damaged or of another size.
        """

    def load(self) -> np.ndarray:
        counts, largest = self.counts()
        given = self.normalisation
        if largest is not None and isinstance(given, AirLevel) and given.air > largest:
            what = f"holds at most {largest} counts, so the {given.air:g} of air ({given.key}) are not its own"
            raise InputError(what, where=self.where, fix="the images were rescaled: give their level of air as input.intensities.air")
        return given.transmission(counts, self.place, self.where)


@dataclass(frozen=True, kw_only=True)
class ImageCounts(CountsProjection):
    """Counts in a PNG or TIFF file of its own, or on one page of a TIFF file."""

    path: Path
    page: int | None = None  # from 0; None: the file holds one image

    @property
    def image(self) -> object:
        return self.path.resolve(), self.page or 0

    def counts(self) -> tuple[np.ndarray, int | None]:
        return read_grey(self.path, self.size, self.where, self.page)
