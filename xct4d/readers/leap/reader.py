"""Scans whose geometry LEAP wrote as text, with an image file for each angle.

LEAP's source stands at the angle phi from +x towards +y (its manual: R theta(phi)),
which is our azimuth, and columns grow to the right of it. Its rows grow upwards
in its volume; images are read as they are stored, row 0 at the top, so a volume
is upside down beside LEAP's. Pixel centres lie at whole numbers there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.ini import finite, read_text
from xct4d.readers.numbered import runs_below
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader

if TYPE_CHECKING:
    from xct4d.readers.circular import Circle

MOST = 100_000


class LeapReader(ScanReader):
    name = "leap"
    looks_for = "*geometry.txt"

    def describes(self, name: str) -> bool:
        return name.lower().endswith(".txt")

    def descriptions(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.name.lower().endswith("geometry.txt") and not path.name.startswith("."))

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        return [description, *_images(LeapGeometry(description), folder)]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        return _acquisition(LeapGeometry(description), folder, options)


class LeapGeometry:
    """The `key = value` lines of one file."""

    def __init__(self, path: Path):
        """Raises InputError where the file cannot be read or holds no geometry."""
        self.path = path
        pairs = (line.partition("=") for line in read_text(path).split("\n") if not line.lstrip().startswith("#"))
        self.values = {key.strip(): value.strip() for key, sign, value in pairs if sign}
        if "geometry" not in self.values:
            raise InputError("is missing", where=self.where("geometry"), fix="is it a geometry that LEAP saved?")

    def where(self, key: str) -> str:
        return f"{self.path}: {key}"

    def number(self, key: str, default: float | None = None) -> float:
        if key not in self.values:
            if default is None:
                raise InputError("is missing", where=self.where(key))
            return default
        number = finite(self.values[key])
        if number != number:
            raise InputError(f"must be a number, not {self.values[key][:40]!r}", where=self.where(key))
        return number

    def count(self, key: str) -> int:
        number = self.number(key)
        if number != int(number) or not 1 <= number <= MOST:
            raise InputError(f"must be a whole number from 1 to {MOST}, not {number:g}", where=self.where(key))
        return int(number)

    def angles(self) -> list[float]:
        """[numAngles] degrees: listed as phis, or spread evenly over angularRange."""
        count = self.count("numAngles")
        if not self.values.get("phis"):
            return [k * self.number("angularRange") / count for k in range(count)]
        angles = [finite(text) for text in re.split(r"[,\s]+", self.values["phis"].strip("[], "))]
        if len(angles) != count or any(angle != angle for angle in angles):
            raise InputError(f"must be {count} numbers, and are {len(angles)}", where=self.where("phis"))
        return angles


def _images(file: LeapGeometry, folder: Path) -> list[Path]:
    """The only complete run of numbered images that are as many as angles."""
    count = file.count("numAngles")
    fitting = [run for run in runs_below(file.path.parent) if len(run.paths) == count and run.complete]
    if len(fitting) != 1:
        seen = f"{len(fitting)} runs of images are as many" if fitting else "no complete run of images is as many"
        raise InputError(f"is {count}, but {seen}", where=file.where("numAngles"), fix="put a TIFF file for each angle beside the geometry")
    return [safe_path(folder, os.path.relpath(path, folder), file.where("numAngles")) for path in fitting[0].paths]


def _acquisition(file: LeapGeometry, folder: Path, options: Input) -> Acquisition:
    from xct4d.readers.counts import AirLevel, UnknownAir  # brings numpy, which listing files does without
    from xct4d.readers.image_scan import image_projections
    from xct4d.readers.images import read_size

    images = _images(file, folder)
    size, _ = read_size(images[0], f"{file.path}: projection 1 ({images[0].name})")
    geometry = _circle(file, size, options.unit_mm)
    air = options.intensities.air
    normalisation = UnknownAir(str(file.path)) if air is None else AirLevel(air, key="input.intensities.air")
    projections = image_projections(file.path, images, folder, geometry, file.angles(), normalisation)
    return Acquisition(path=file.path, projections=projections, unit_mm=geometry.world_mm)


def _circle(file: LeapGeometry, size: tuple[int, int], unit_mm: float | None) -> Circle:
    """The scan's geometry. Raises InputError where images have another size, or LEAP's geometry is one that is not read."""
    from xct4d.readers.circular import Circle

    kind = file.values["geometry"].lower()
    if kind not in ("cone", "parallel") or file.number("helicalPitch", 0.0) != 0:
        what = f"is {kind[:40]}" + (" and helical" if file.number("helicalPitch", 0.0) != 0 else "")
        raise InputError(what, where=file.where("geometry"), fix="cone and parallel beams on a circle are read")
    stated = file.count("numCols"), file.count("numRows")
    if size != stated:
        raise InputError(
            f"is {stated[0]} x {stated[1]}, but images have {size[0]} x {size[1]} pixels", where=file.where("numCols x numRows")
        )
    cone = kind == "cone"
    pixel = file.number("pixelWidth"), file.number("pixelHeight")
    centre = file.number("centerCol", (size[0] - 1) / 2) + 0.5, file.number("centerRow", (size[1] - 1) / 2) + 0.5
    voxels = file.number("numX", 0.0) * file.number("voxelWidth", 0.0) / 2
    return Circle(
        where=str(file.path),
        size=size,
        pixel_mm=pixel,
        source_to_axis_mm=file.number("sod") if cone else None,
        source_to_detector_mm=file.number("sdd") if cone else None,
        unit_mm=unit_mm or (voxels if voxels > 0 else None),
        centre=centre,
        axis_mm=file.number("tau", 0.0),
    )
