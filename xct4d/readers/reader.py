"""The interface of a format: which folders it is, which files it needs, and what they hold.

Three classes pass from a reader to the rest of the program: a `Dataset` has up
to three `Acquisition`s (two full scans and the sequence between them), each a
list of `Projection`s. A projection knows its geometry and loads its own pixels
when asked, so that many may share one file.

This module imports no numpy: planning a run lists files with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xct4d.config import Input
from xct4d.directions import State

if TYPE_CHECKING:
    import numpy as np

    from xct4d.readers.scanner import ScannerRecord


@dataclass(frozen=True, kw_only=True)
class Projection(ABC):
    """One detector image and the cameras that saw it, in full-resolution pixels and the dataset's own times.

    Several cameras with weights are the quadrature of a long exposure. Camera
    and pixel conventions: `xct4d.geometry.views.Views`. A format subclasses it
    with what it needs to find the pixels.
    """

    name: str  # unique in its acquisition, relative to the dataset
    where: str  # file and entry, for messages
    camera_to_world: np.ndarray  # [k, 3, 4] float64
    focal: tuple[float, float]  # along columns and rows, pixels
    centre: tuple[float, float]  # principal point (column, row), pixels
    size: tuple[int, int]  # width, height
    weight: np.ndarray  # [k] float64, sums to 1
    time: np.ndarray | None = None  # [k] float64 in the dataset's clock; None where the format gives none
    start_s: float | None = None  # when its exposure began, in seconds on the acquisition's own clock
    exposure_s: float | None = None
    turn_deg: float | None = None  # by how much the stage turned during the exposure, counter-clockwise from above
    drift_px: tuple[float, float] | None = None  # (columns, rows) by which the scanner says that its content moved; not in `centre`

    @property
    def image(self) -> object:
        """What holds the pixels: equal for two projections of the same dataset that show the same image."""
        return self.name

    @abstractmethod
    def load(self) -> np.ndarray:
        """Transmission I/I0: [height, width] float32, finite, row 0 at the top.

        Noise may leave [0, 1]; `prepare` decides about it. Raises InputError
        where the pixels are missing, damaged or of another size.
        """

    def mask(self) -> np.ndarray | None:
        """Which pixels count, [height, width] bool; None where all do. Raises InputError as `load` does."""
        return None

    def filled(self) -> np.ndarray:
        """As `load`, but pixels that do not count have the value of the nearest that does: for what looks at whole images."""
        from xct4d.geometry.masked import filled  # brings numpy

        mask = self.mask()
        return self.load() if mask is None else filled(self.load(), mask)


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """The projections of one state, with what holds for all of them."""

    path: Path  # the file that describes them, for messages
    projections: list[Projection]
    flat_field: float = 1.0  # I0 level as a transmission, exp(-f)
    unit_mm: float | None = None  # mm per world unit
    duration_s: float | None = None  # seconds from the scan at t = 0 to that at t = 1
    lists: dict[str, list[str]] | None = None  # names by role, where the format itself splits: see readers.split
    scanner: ScannerRecord | None = None  # the scanner's own record of the geometry, to compare with
    started: datetime | None = None  # when the scan began, by the scanner's clock and in its local time
    notes: list[str] = field(default_factory=list)  # what a user should know and need not mend


@dataclass(frozen=True)
class Dataset:
    """All acquisitions of a dataset: always a forward one, alone where nothing moves."""

    acquisitions: dict[State, Acquisition]

    @property
    def forward(self) -> Acquisition:
        return self.acquisitions["forward"]

    @property
    def backward(self) -> Acquisition | None:
        return self.acquisitions.get("backward")


class Reader(ABC):
    """A format of datasets.

    Readers hold no state. Each method takes the dataset's folder, which exists,
    and the section `input` of the configuration, in which `forward`, `backward`
    and `between` may name the file that describes a state. A new reader goes
    into the table in registry.py, and its tests inherit
    `xct4d.testing.readers.ReaderTests`.
    """

    name: ClassVar[str]  # as messages call the format
    looks_for: ClassVar[str]  # the files by which it knows a folder, for the message where none does

    @abstractmethod
    def can_read(self, folder: Path, options: Input) -> bool:
        """Whether the folder holds this format, told by names of files alone. Raises nothing."""

    @abstractmethod
    def files(self, folder: Path, options: Input) -> dict[State, list[Path]]:
        """Every file on which the preparation of each state depends, by state.

        The states are those of `open`. Files are listed once, the describing
        one first. Imports neither torch, numba nor numpy and opens no image.
        Raises InputError where a file is missing or the names do not tell
        which state it holds.
        """

    @abstractmethod
    def open(self, folder: Path, options: Input) -> Dataset:
        """The dataset, its geometry and times checked; pixels stay on disk. Raises InputError naming file and key."""
