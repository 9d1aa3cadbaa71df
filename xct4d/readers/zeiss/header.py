"""What the images of a Zeiss file have in common: their number, size and type, pixels and distances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from xct4d.errors import InputError
from xct4d.readers.zeiss.ole import Streams

MOST = 100_000
CONE, PARALLEL = 1, 2  # XrayGeometry
STEADY = 1e-4  # relative change of a distance from image to image that is none


@dataclass(frozen=True)
class Header:
    """The header of one file."""

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
