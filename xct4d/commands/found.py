"""What is in a folder: the scans that readers find there, each with what a person wants to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xct4d.checks.air import plateau
from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.circular import PARALLEL
from xct4d.readers.counts import AirLevel, CountsProjection, FlatsAndDarks
from xct4d.readers.reader import Acquisition, Dataset, Projection, Reader
from xct4d.readers.registry import readers_of
from xct4d.readers.scan_reader import ScanReader
from xct4d.selection import evenly_spaced

MEASURED = 4  # projections in which air is measured
LISTED = 4  # azimuths that are listed one by one
AIR_AGREES = 0.03  # relative difference up to which measured air and the level of the files agree


@dataclass(frozen=True)
class Air:
    """The level of air in a scan's images: counts, or transmission where they were divided by flats."""

    measured: float | None  # None where no plateau shows it
    stated: float | None  # by the files; None where they say nothing
    possible: bool = True  # whether the images could hold the stated level
    by_flats: bool = False  # transmission: 1 is right

    @property
    def needed(self) -> float | None:
        """The level that the configuration must give, None where the files' own can be used or none was found."""
        return self.measured if self.stated is None or not self.possible else None

    @property
    def unknown(self) -> bool:
        """Whether neither the files nor the images tell it."""
        return self.measured is None and (self.stated is None or not self.possible)

    @property
    def agrees(self) -> bool:
        """Whether what was measured is within AIR_AGREES of what is stated; true where either is unknown."""
        return self.measured is None or self.stated is None or abs(self.measured / self.stated - 1) <= AIR_AGREES

    def shown(self) -> str:
        if self.by_flats:
            verdict = "agrees" if self.agrees else "DISAGREES"
            return (
                "no plateau found" if self.measured is None else f"transmission {self.measured:.3f} after division by the flats ({verdict})"
            )
        measured = None if self.measured is None else f"{self.measured:.5g} counts measured"
        if self.stated is None:
            return measured or "no plateau of air found and none stated: give input.intensities.air"
        if not self.possible:
            return f"{measured or 'no plateau found'}; the {self.stated:.5g} of the files are more than its images can hold"
        if self.measured is None:
            return f"{self.stated:.5g} counts by the files; no plateau found to compare with"
        verdict = "agrees" if self.agrees else "DISAGREES"
        return f"{measured}, {self.measured / self.stated:.3f} of the {self.stated:.5g} of the files ({verdict})"


@dataclass(frozen=True)
class Scan:
    """One scan, or a whole dataset where its format joins scans itself."""

    reader: Reader
    folder: Path
    description: Path  # the file that describes it
    dataset: Dataset
    air: Air | None = None  # of counts divided by one level
    others: list[str] = field(default_factory=list)  # what else the folder could be read as, and why it is not

    @property
    def acquisition(self) -> Acquisition:
        return self.dataset.forward

    def lines(self) -> list[str]:
        """What was found, for a person."""
        lines = [f"{self.description}: {self.reader.name}"]
        for state, acquisition in self.dataset.acquisitions.items():
            head = "" if len(self.dataset.acquisitions) == 1 else f"{state}: "
            lines += [f"  {head}{line}" for line in (views(acquisition), *geometry(acquisition), *times(acquisition))]
        if self.air is not None:
            lines.append(f"  air: {self.air.shown()}")
        lines += [f"  note: {note}" for acquisition in self.dataset.acquisitions.values() for note in acquisition.notes]
        return [*lines, *(f"  {other}" for other in self.others)]


def find(folder: str | Path) -> list[Scan]:
    """The scans in a folder, by the first format in which it can be read; in the folders in it, where no format knows it itself.

    Raises InputError where there is no such folder, no format knows anything in
    it, or none of those that do can read it: then with the first one's complaint.
    """
    folder = Path(folder)
    try:
        readers = readers_of(folder, Input(folder=str(folder)))
    except InputError as unknown:
        inner = _known_below(folder)
        if not inner:
            raise unknown from None
        return [scan for below in inner for scan in find(below)]
    complaints: list[tuple[Reader, InputError]] = []
    found: list[Scan] = []
    others: list[str] = []
    for reader in readers:
        if found:
            others.append(f"also here: {reader.looks_for} ({reader.name}); to use it, name its file as input.forward")
            continue
        try:
            found, unread = _scans(reader, folder)
            others += unread
        except InputError as error:
            complaints.append((reader, error))
    if not found:
        raise complaints[0][1]
    others += [f"not read as {reader.name}: {error}" for reader, error in complaints]
    return [replace(found[0], others=others), *found[1:]]


def _known_below(folder: Path) -> list[Path]:
    """The folders directly in a folder that some format knows, sorted."""
    if not folder.is_dir():
        return []
    inner = []
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            readers_of(below, Input(folder=str(below)))
        except InputError:
            continue
        inner.append(below)
    return inner


def _scans(reader: Reader, folder: Path) -> tuple[list[Scan], list[str]]:
    """The scans of a folder in one format, and what of it was not read: only where files that are no scans may lie beside them."""
    options = Input(folder=str(folder))
    if not isinstance(reader, ScanReader):
        dataset = reader.open(folder, options)
        return [Scan(reader, folder, dataset.forward.path, dataset)], []
    descriptions = reader.descriptions(folder)
    scans, errors = [], []
    for description in descriptions:
        try:
            acquisition = reader.scan(description, folder, descriptions, options)
            scans.append(Scan(reader, folder, description, Dataset({"forward": acquisition}), measured_air(acquisition.projections)))
        except InputError as error:
            if reader.alone:
                raise
            errors.append(error)
    if not scans:
        raise errors[0]
    return scans, [f"not read: {error}" for error in errors]


def measured_air(projections: list[Projection]) -> Air | None:
    """The level of air in some projections of a scan; None where they are transmissions already."""
    counted = [projection for projection in projections if isinstance(projection, CountsProjection)]
    if len(counted) < len(projections):
        return None
    normalisation = counted[0].normalisation
    if isinstance(normalisation, FlatsAndDarks):
        shown = [plateau(projections[i].load()) for i in evenly_spaced(len(projections), MEASURED)]
        seen = [level for level in shown if level is not None]
        return Air(float(np.median(seen)) if seen else None, 1.0, by_flats=True)
    stated = normalisation.air if isinstance(normalisation, AirLevel) else None
    levels, largest = [], None
    for i in evenly_spaced(len(projections), MEASURED):
        counts, largest = counted[i].counts()
        if (level := plateau(counts)) is not None:
            levels.append(level)
    return Air(float(np.median(levels)) if levels else None, stated, possible=stated is None or largest is None or stated <= largest)


def azimuths(acquisition: Acquisition) -> np.ndarray:
    """[n] degrees from +x towards +y of each projection's first source, unwrapped."""
    sources = np.array([projection.camera_to_world[0, :2, 3] for projection in acquisition.projections])
    return np.rad2deg(np.unwrap(np.arctan2(sources[:, 1], sources[:, 0])))


def views(acquisition: Acquisition) -> str:
    """Number of views and the range of their angles."""
    turned = azimuths(acquisition)
    different = sorted({round(float(angle) % 360, 2) % 360 for angle in turned})
    sizes = sorted({projection.size for projection in acquisition.projections})
    size = " or ".join(f"{width} x {height}" for width, height in sizes)
    steps = np.diff(turned)
    if len(different) <= LISTED:
        shown = f"azimuths {', '.join(f'{angle:g}' for angle in different)} degrees"
    elif (steps >= 0).all() or (steps <= 0).all():
        shown = f"azimuths {turned[0]:.4g} to {turned[-1]:.4g} degrees"
    else:
        shown = f"{len(different)} different azimuths"
    return f"{len(turned)} views of {size} pixels, {shown}"


def geometry(acquisition: Acquisition) -> list[str]:
    """Distances in mm, or in world units where no scale is known."""
    projection = acquisition.projections[0]
    distance = float(np.linalg.norm(projection.camera_to_world[0, :, 3]))
    unit = acquisition.unit_mm or (acquisition.scanner.measured_unit_mm(acquisition.projections) if acquisition.scanner else None)
    name = "world units" if unit is None else "mm"
    scale = unit or 1.0
    pixel = distance / projection.focal[0] * scale
    centre = f"beam's centre at column {projection.centre[0]:.6g}, row {projection.centre[1]:.6g}"
    if distance >= 0.999 * PARALLEL:
        return [f"parallel beam, pixel {pixel:.5g} {name}, box {2 * scale:.5g} {name} wide, {centre}"]
    beam = f"cone beam, source to axis {distance * scale:.6g} {name}, focal length {projection.focal[0]:.6g} pixels"
    return [f"{beam}, pixel at the axis {pixel:.5g} {name}, box {2 * scale:.5g} {name} wide, {centre}"]


def times(acquisition: Acquisition) -> list[str]:
    """When it began, how long it took and was exposed, as far as the files say."""
    parts = [] if acquisition.started is None else [f"began {acquisition.started:%Y-%m-%d %H:%M:%S}"]
    starts = [projection.start_s for projection in acquisition.projections if projection.start_s is not None]
    if len(starts) > 1:
        parts.append(f"views from {starts[0]:.6g} to {starts[-1]:.6g} s")
    exposures = [projection.exposure_s for projection in acquisition.projections if projection.exposure_s is not None]
    if exposures:
        parts.append(f"{float(np.median(exposures)):.5g} s exposure a view")
    return [", ".join(parts)] if parts else []
