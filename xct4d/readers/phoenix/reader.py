"""Scans of a phoenix scanner (GE, Waygate; datos|x).

Projection k shows the stage turned by k RotationSector / NumberImages,
counter-clockwise as seen from above; after the last one a closing frame repeats
the first. cx and cy count pixel centres from 0. Air has FreeRay x FreeRayFactor
counts. No public scan proves the direction, or that level.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.ini import IniFile
from xct4d.readers.numbered import runs_below
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader

if TYPE_CHECKING:
    from xct4d.readers.circular import Circle

_SUFFIXES = (".tif", ".tiff")
MOST = 100_000


class PhoenixReader(ScanReader):
    name = "phoenix"
    looks_for = "*.pca"

    def describes(self, name: str) -> bool:
        return name.lower().endswith(".pca")

    def descriptions(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".pca" and not path.name.startswith("."))

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        return [description, *_images(IniFile(description), folder)[0]]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        return _acquisition(IniFile(description), folder, options)


def _images(file: IniFile, folder: Path) -> tuple[list[Path], list[str]]:
    """The image of each projection, and notes: those that begin with the record's name, else the only ones that are as many."""
    count = file.count("CT", "NumberImages", MOST)
    fitting = [run for run in runs_below(file.path.parent, _SUFFIXES) if len(run.paths) in (count, count + 1) and run.complete]
    own = [run for run in fitting if run.prefix.lower().rstrip("_-") == file.path.stem.lower()]
    chosen = own or fitting
    if len(chosen) != 1:
        seen = f"{len(chosen)} runs of images could be meant" if chosen else f"there is no complete run of {count} or {count + 1} images"
        what = f"is {count}, but {seen}"
        if not chosen and file.number("CT", "NrImgDone", float(count)) < count:
            what += f"; by NrImgDone {file.number('CT', 'NrImgDone'):g} were recorded"
        raise InputError(what, where=file.where("NumberImages"), fix="put the scan's TIFF files beside the record")
    images, notes = list(chosen[0].paths), []
    if len(images) > count:
        notes.append(f"{images[-1].name} closes the circle, a repeat of the first projection, and is left out")
    return [safe_path(folder, os.path.relpath(path, folder), file.where("NumberImages")) for path in images[:count]], notes


def _acquisition(file: IniFile, folder: Path, options: Input) -> Acquisition:
    from xct4d.readers.counts import AirLevel, UnknownAir  # brings numpy, which listing files does without
    from xct4d.readers.image_scan import image_projections
    from xct4d.readers.images import read_size

    images, notes = _images(file, folder)
    size, _ = read_size(images[0], f"{file.path}: projection 1 ({images[0].name})")
    geometry = _circle(file, size, options.unit_mm, notes)
    step = file.number("CT", "RotationSector") / len(images)
    if step == 0:
        raise InputError("is 0: nothing turned", where=file.where("RotationSector"), fix="a scan without angles cannot be used")
    air, key = options.intensities.air, "input.intensities.air"
    if air is None and file.has("Image", "FreeRay"):
        air, key = file.positive("Image", "FreeRay") * file.positive("CT", "FreeRayFactor", 1.0), file.where("FreeRay")
    normalisation = UnknownAir(file.where("FreeRay")) if air is None else AirLevel(air, key=key)
    exposure = file.number("Detector", "TimingVal", 0.0) * file.number("Detector", "Avg", 1.0) / 1000
    projections = image_projections(
        file.path, images, folder, geometry, [-k * step for k in range(len(images))], normalisation,
        exposure_s=exposure if exposure > 0 else None,
    )  # fmt: skip
    return Acquisition(path=file.path, projections=projections, unit_mm=geometry.world_mm, notes=[*notes, *_not_applied(file)])


def _circle(file: IniFile, size: tuple[int, int], unit_mm: float | None, notes: list[str]) -> Circle:
    """The scan's geometry. Raises InputError where the record contradicts its images or itself."""
    from xct4d.readers.circular import Circle

    stated = file.count("Image", "DimX", MOST), file.count("Image", "DimY", MOST)
    if size != stated:
        turned = " (they are turned)" if size == stated[::-1] != stated else ""
        what = f"is {stated[0]} x {stated[1]} (DimX x DimY), but images have {size[0]} x {size[1]} pixels{turned}"
        raise InputError(what, where=file.where("DimX"), fix="give the images as the scanner stored them")
    across = file.positive("Detector", "PixelsizeX")
    roll, tilt = file.number("Geometry", "DetectorRot", 0.0), file.number("Geometry", "Tilt", 0.0)
    if roll or tilt:
        notes.append(
            f"DetectorRot {roll:g} and Tilt {tilt:g} degrees are read as roll to the right and tilt towards the source; no public scan proves it"
        )
    geometry = Circle(
        where=str(file.path),
        size=size,
        pixel_mm=(across, file.positive("Detector", "PixelsizeY", across)),
        source_to_axis_mm=file.positive("Geometry", "FOD"),
        source_to_detector_mm=file.positive("Geometry", "FDD"),
        unit_mm=unit_mm,
        centre=(file.number("Geometry", "cx", (size[0] - 1) / 2) + 0.5, file.number("Geometry", "cy", (size[1] - 1) / 2) + 0.5),
        roll_deg=roll,
        tilt_deg=tilt,
    )
    if file.has("Geometry", "VoxelSizeX"):
        geometry.check_law(file.positive("Geometry", "VoxelSizeX"), "VoxelSizeX")
    return geometry


def _not_applied(file: IniFile) -> list[str]:
    notes = []
    if (shift := file.number("Geometry", "CalibValue", 0.0)) != 0:
        notes.append(
            f"CalibValue {shift:g}, the axis' shift that datos|x found, is not applied, as no public scan proves its sign: "
            f"try input.geometry.axis_shift_px: {shift:g} or {-shift:g}"
        )
    moved = [key for key in ("Rotation", "MirrorX", "MirrorY") if file.number("Image", key, 0.0) != 0]
    if moved:
        notes.append(f"{', '.join(moved)} of the images is set: they are read as they are stored; see input.geometry.mirror")
    if file.number("DetectorShift", "Enable", 0.0) == 1:
        notes.append("the detector moved from view to view (DetectorShift): the images are taken to be aligned by the scanner")
    return notes
