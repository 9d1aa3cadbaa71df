"""Scans of a Bruker (SkyScan) scanner.

Projection k shows the stage turned by k times the rotation step: counter-clockwise
as seen from above where the Rotation Direction is CC, so that the source's
azimuth is minus that. The images are corrected by the scanner; air has the
counts of the Reference Intensity. No public scan proves the directions, nor from
where the line of the optical axis is counted: notes say what to set if they are
the other way round.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.bruker.log import SYSTEM, BrukerLog
from xct4d.readers.numbered import Run, runs
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader

if TYPE_CHECKING:
    from xct4d.readers.circular import Circle

_SUFFIXES = (".tif", ".tiff")
ROUNDED_MM = 0.6e-5  # the image pixel size of some models is rounded to 0.01 um
ABSURD = 1.5  # factor between the pixel at the axis by the log and by its distances that no model explains


class BrukerReader(ScanReader):
    name = "bruker"
    looks_for = "*.log with *0000.tif"

    def describes(self, name: str) -> bool:
        return name.lower().endswith(".log")

    def descriptions(self, folder: Path) -> list[Path]:
        logs = [path for path in folder.iterdir() if path.suffix.lower() == ".log" and not path.name.startswith(".")]
        if not logs:
            return []
        prefixes = {run.prefix.lower() for run in runs(folder, _SUFFIXES)}
        return sorted(path for path in logs if path.stem.lower() in prefixes)

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        return [description, *_images(BrukerLog(description), folder)[0]]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        return _acquisition(BrukerLog(description), folder, options)


def _images(log: BrukerLog, folder: Path) -> tuple[list[Path], list[str]]:
    """The image of each projection, and notes. The log may count one more than there are; after 360 degrees the first returns."""
    run = _run(log)
    count, step, notes = log.count("Number of Files"), log.positive("Rotation Step (deg)"), []
    if len(run.paths) not in (count, count - 1) or not run.complete or run.numbers[0] != 0:
        what = f"is {count}, but {len(run.paths)} images {run.paths[0].name} to {run.paths[-1].name} are there"
        raise InputError(
            what, where=log.file.where("Number of Files"), fix="restore the missing ones; where the scan was stopped, correct the log"
        )
    images = list(run.paths)
    if len(images) < count:
        notes.append(f"the log counts {count} files, one more than the {len(images)} projections, as some models do")
    turns = 360 / step
    if len(images) > 1 and abs(len(images) - 1 - turns) < 0.5:
        notes.append(f"{images[-1].name} repeats the first projection after 360 degrees and is left out")
        images.pop()
    return [safe_path(folder, os.path.relpath(path, folder), log.file.where("Number of Files")) for path in images], notes


def _run(log: BrukerLog) -> Run:
    found = [run for run in runs(log.path.parent, _SUFFIXES) if run.prefix.lower() == log.path.stem.lower()]
    if not found:
        raise InputError(f"has no images {log.path.stem}0000.tif and so on beside it", where=log.path, fix="put them there")
    return found[0]


def _acquisition(log: BrukerLog, folder: Path, options: Input) -> Acquisition:
    from xct4d.readers.counts import AirLevel, UnknownAir  # brings numpy, which listing files does without
    from xct4d.readers.image_scan import image_projections
    from xct4d.readers.images import read_size

    images, notes = _images(log, folder)
    size, _ = read_size(images[0], f"{log.path}: projection 1 ({images[0].name})")
    geometry = _circle(log, size, options.unit_mm, notes)
    step = log.positive("Rotation Step (deg)")
    direction = log.word("Rotation Direction") or "CC"
    if direction not in ("CC", "CW"):
        raise InputError(f"must be CC or CW, not {direction[:40]!r}", where=log.file.where("Rotation Direction"))
    sign = -1 if direction == "CC" else 1
    air = options.intensities.air or log.reference()
    key = log.file.where("Reference Intensity") if options.intensities.air is None else "input.intensities.air"
    if air is None:
        notes.append("the images are not corrected by their flats, or the log gives no Reference Intensity: air is measured by `xct4d new`")
    normalisation = UnknownAir(key) if air is None else AirLevel(air, key=key)
    projections = image_projections(
        log.path, images, folder, geometry, [sign * k * step for k in range(len(images))], normalisation, exposure_s=log.exposure_s()
    )
    notes += _not_applied(log)
    return Acquisition(path=log.path, projections=projections, unit_mm=geometry.world_mm, started=log.started(), notes=notes)


def _circle(log: BrukerLog, size: tuple[int, int], unit_mm: float | None, notes: list[str]) -> Circle:
    """The scan's geometry. Raises InputError where log and images contradict each other."""
    from xct4d.readers.circular import Circle

    stated = log.count("Number of Columns"), log.count("Number of Rows")
    if size != stated:
        what = f"is {stated[0]} x {stated[1]} (columns x rows), but images have {size[0]} x {size[1]} pixels"
        raise InputError(what, where=log.file.where("Number of Columns"), fix="give the images that belong to the log, not parts of them")
    to_axis, to_camera = log.positive("Object to Source (mm)"), log.positive("Camera to Source (mm)")
    at_axis = log.positive("Image Pixel Size (um)") / 1000
    if log.file.has(SYSTEM, "Camera Pixel Size (um)"):
        across = log.file.positive(SYSTEM, "Camera Pixel Size (um)") / 1000
        bins = log.binning()
    else:
        across, bins = at_axis * to_camera / to_axis, (1, 1)
        notes.append("the log has no Camera Pixel Size: pixels are those of the Image Pixel Size, as large as the magnification makes them")
    aspect = log.aspect()
    if abs(aspect - 1) > 1e-4:
        notes.append(f"a pixel is {aspect:g} times as wide as high by the log's ratio; no public scan proves which way round it is meant")
    axis_row = log.optional("Optical Axis (line)")
    if axis_row is not None:
        other = size[1] - 2 * axis_row
        what = f"the beam's line {axis_row:g} of {size[1]} is counted from the top; no public scan proves it"
        notes.append(f"{what}: if it counts from the bottom, input.geometry.row_shift_px: {other:g}")
    geometry = Circle(
        where=str(log.path),
        size=size,
        pixel_mm=(across * bins[0], across * bins[1] / aspect),
        source_to_axis_mm=to_axis,
        source_to_detector_mm=to_camera,
        unit_mm=unit_mm,
        centre=(size[0] / 2, size[1] / 2 if axis_row is None else axis_row),
    )
    _compare(log, geometry, at_axis, notes)
    return geometry


def _compare(log: BrukerLog, geometry: Circle, at_axis_mm: float, notes: list[str]) -> None:
    """The law of pixel and voxel holds in most logs within rounding, and not in all models: an absurd factor is refused, others are noted."""
    from xct4d.readers.circular import LAW

    own = geometry.pixel_at_axis_mm[0]
    if not 1 / ABSURD < at_axis_mm / own < ABSURD:
        geometry.check_law(at_axis_mm, "Image Pixel Size (um)")
    if abs(at_axis_mm - own) > LAW * own + ROUNDED_MM:
        what = f"Image Pixel Size is {at_axis_mm * 1000:.6g} um, but the distances and the camera's pixel make it {own * 1000:.6g} um"
        notes.append(f"{what}, which is used: lengths may be wrong by a factor of {at_axis_mm / own:.4g}")


def _not_applied(log: BrukerLog) -> list[str]:
    """Notes on what the log, or a file beside it, tells and what is left to the configuration."""
    notes = []
    if (rotation := log.optional("Image Rotation")) is not None and abs(rotation) > 0.005:
        turn = f"try input.geometry.roll_deg: {rotation:g} or {-rotation:g}"
        notes.append(f"Image Rotation {rotation:g} is not applied, as no public scan proves its sign: {turn}")
    if log.word("Random Movement") == "ON":
        notes.append("the camera moved at random (Random Movement=ON): the images are taken to be aligned by the scanner")
    beside = {name.lower() for name in os.listdir(log.path.parent)}
    drift = [name for name in (f"{log.path.stem}_TS.csv", f"{log.path.stem}_2DTransform.csv") if name.lower() in beside]
    notes += [f"the shifts of {name} are not applied" for name in drift]
    return notes
