"""Scans of a Zeiss Xradia microscope (.txrm; .xrm holds one image).

A stage angle theta, in degrees, puts the source at the azimuth -theta as seen
from the sample. PixelSize is that at the sample, so a cone beam's detector has
pixels of PixelSize (source to axis + axis to detector) / source to axis. Counts
are divided by the reference images, scaled to each projection's exposure; the
camera's offset is subtracted by the scanner. Proven on public files of a
parallel beam; no public file of a cone beam exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader

if TYPE_CHECKING:
    from xct4d.readers.zeiss.ole import Streams

MOST = 100_000
CONE, PARALLEL = 1, 2  # XrayGeometry
STEADY = 1e-4  # relative change of a distance from image to image that is none


class ZeissReader(ScanReader):
    name = "zeiss"
    looks_for = "*.txrm"

    def describes(self, name: str) -> bool:
        return name.lower().endswith((".txrm", ".xrm"))

    def descriptions(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".txrm" and not path.name.startswith("."))

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        return [description]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        from xct4d.readers.zeiss.ole import opened  # brings numpy, which listing files does without
        from xct4d.readers.zeiss.scan import acquisition

        with opened(description) as streams:
            return acquisition(streams, header(streams), options)


@dataclass(frozen=True)
class Header:
    """What the images of a file have in common."""

    count: int
    size: tuple[int, int]  # columns, rows
    data_type: int
    pixel_mm: float  # at the sample
    source_to_axis_mm: float | None  # None: parallel beam
    axis_to_detector_mm: float | None


def header(streams: Streams) -> Header:
    """Raises InputError naming the stream that is missing or absurd."""
    planned = streams.integer("ImageInfo/NoOfImages")
    taken = streams.integer("ImageInfo/ImagesTaken", planned)
    size = streams.integer("ImageInfo/ImageWidth"), streams.integer("ImageInfo/ImageHeight")
    count = min(planned, taken)
    for name, number in (("NoOfImages", count), ("ImageWidth", size[0]), ("ImageHeight", size[1])):
        if not 1 <= number <= MOST:
            raise InputError(f"must be a whole number from 1 to {MOST}, not {number}", where=streams.where(f"ImageInfo/{name}"))
    pixel_um = streams.number("ImageInfo/PixelSize")
    if not pixel_um > 0:
        raise InputError(f"must be positive, not {pixel_um:g}", where=streams.where("ImageInfo/PixelSize"))
    distances = _distances(streams, count)
    return Header(count, size, streams.integer("ImageInfo/DataType"), pixel_um / 1000, *distances)


def _distances(streams: Streams, count: int) -> tuple[float, float] | tuple[None, None]:
    """Source to axis and axis to detector of a cone beam, mm; none of a parallel beam, whose 1.0 are dummies."""
    kind = streams.integer("ImageInfo/XrayGeometry", 0)
    names = ("ImageInfo/StoRADistance", "ImageInfo/DtoRADistance")
    if kind == PARALLEL or (kind != CONE and not all(streams.has(name) for name in names)):
        return None, None
    out = []
    for name in names:
        values = abs(streams.numbers(name, "<f4", count))
        if values.max() - values.min() > STEADY * values.max():
            what = f"changes from {values.min():g} to {values.max():g} mm during the scan"
            raise InputError(what, where=streams.where(name), fix="give the geometry of each image in transforms files")
        if not values[0] > 0:
            raise InputError("must not be 0 in a cone beam", where=streams.where(name))
        out.append(float(values[0]))
    if kind != CONE and out == [1.0, 1.0]:
        return None, None
    return out[0], out[1]


def time_of(text: str) -> datetime | None:
    """A time such as 10/21/19 14:03:51.250, local; None where it is none."""
    for spelling in ("%m/%d/%y %H:%M:%S", "%m/%d/%y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S.%f"):
        try:
            return datetime.strptime(text, spelling)
        except ValueError:
            continue
    return None
