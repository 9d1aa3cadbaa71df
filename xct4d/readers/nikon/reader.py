"""Full scans of a Nikon X-Tek scanner, from its .xtekct file, its records of angles and times, and its images.

The source's azimuth as seen from the sample is the angle of NAME.ang, minus that
of _ctdata.txt, or else -(InitialAngle + k AngularStep), in degrees from +x
towards +y: with images that are not mirrored this is the right geometry of a
real stop-start scan. Offsets of detector and axis are 0 in every public file;
they are read as lengths to the right and upwards in the image, and noted, as no
public file proves their signs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.nikon.angles import BESIDE_LAW, Angles, angle_file, departure_from_law, kind_for, read_angles, turn_in_an_exposure
from xct4d.readers.nikon.ctinfo import ScanTimes, info_file, read_times
from xct4d.readers.nikon.xtekct import Xtekct, record_files
from xct4d.readers.numbered import runs_below
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader

BLURRED = 0.3  # steps of rotation during an exposure from which it is told
_SUFFIXES = (".tif", ".tiff")
_POLYNOMIAL = {"CoefX4": 0.0, "CoefX3": 0.0, "CoefX2": 0.0, "CoefX1": 1.0, "CoefX0": 0.0}  # of -ln(I/I0), where it does nothing


class NikonReader(ScanReader):
    name = "nikon"
    looks_for = "*.xtekct"

    def describes(self, name: str) -> bool:
        return name.lower().endswith(".xtekct")

    def descriptions(self, folder: Path) -> list[Path]:
        return record_files(folder)

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        beside = (angle_file(description, kind_for(together), together), info_file(description))
        return [description, *(path for path in beside if path is not None), *_images(Xtekct(description), folder)[0]]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        return _acquisition(Xtekct(description), angle_file(description, kind_for(together), together), folder, options)


def _images(file: Xtekct, folder: Path) -> tuple[list[Path], str | None]:
    """The image of each projection, in order, and a note on how they were found.

    They are NAME_0001.tif and so on in InputFolderName, which starts from the
    record. Where there is no such file, the only numbered images in the
    record's folder and the folders in it that are as many as projections, or
    one more, as the first is repeated at the end.
    """
    name, separator = file.text("Name"), file.text("InputSeparator", "_")
    inner, count = file.text("InputFolderName", ""), file.count("Projections")
    place = file.path.parent / inner.replace("\\", "/")
    listed: dict[str, str] = {}
    if os.path.isdir(place):
        listed = {entry.lower(): entry for entry in os.listdir(place)}
    wanted = [[f"{name}{separator}{number:04d}{suffix}" for suffix in _SUFFIXES] for number in range(1, count + 1)]
    found = [next((listed[one.lower()] for one in names if one.lower() in listed), None) for names in wanted]
    if any(found):
        for names, entry in zip(wanted, found, strict=True):
            if entry is None:
                raise InputError(f"there is no image {place / names[0]}", where=file.where("Projections"), fix="restore it")
        return [safe_path(folder, os.path.relpath(place / entry, folder), file.where("InputFolderName")) for entry in found if entry], None
    fitting = [run for run in runs_below(file.path.parent) if len(run.paths) in (count, count + 1) and run.complete]
    if len(fitting) != 1:
        seen = (
            f"; {len(fitting)} runs of images could be meant"
            if fitting
            else f", and no complete run of {count} or {count + 1} numbered images"
        )
        what = f"there is no image {place / wanted[0][0]}{seen}"
        raise InputError(what, where=file.where("Name"), fix="put the scanner's images beside the record, or correct Name and Projections")
    paths = [safe_path(folder, os.path.relpath(path, folder), file.where("Name")) for path in fitting[0].paths]
    note = f"images are {paths[0].relative_to(folder)} and so on, as there is no {wanted[0][0]}"
    if len(paths) > count:
        note += f"; {paths[-1].name} repeats the first projection and is left out"
    return paths[:count], note


def _acquisition(file: Xtekct, angle_path: Path | None, folder: Path, options: Input) -> Acquisition:
    from xct4d.readers.counts import AirLevel  # brings numpy, which listing files does without
    from xct4d.readers.image_scan import image_projections
    from xct4d.readers.images import read_size
    from xct4d.readers.nikon.geometry import circle

    images, note = _images(file, folder)
    notes = [] if note is None else [note]
    size, _ = read_size(images[0], f"{file.path}: projection 1 ({images[0].name})")
    geometry = circle(file, size, options.unit_mm, notes)
    angles = read_angles(file, angle_path, len(images))
    _check_angles(file, angles, notes)
    info = info_file(file.path)
    clock = ScanTimes(None, None, None) if info is None else read_times(info)
    exposure_s = angles.exposure_s or clock.exposure_s
    air = options.intensities.air or file.positive("WhiteLevel")
    air_key = file.where("WhiteLevel") if options.intensities.air is None else "input.intensities.air"
    normalisation = AirLevel(air, key=air_key)
    if any(file.number(key, value) != value for key, value in _POLYNOMIAL.items()):
        given = [file.number(key, value) for key, value in _POLYNOMIAL.items()]
        notes.append(
            f"the scanner's beam-hardening polynomial CoefX4 to CoefX0 = {given} is not applied; see input.intensities.beam_hardening"
        )
    projections = image_projections(
        file.path, images, folder, geometry, angles.azimuth_deg, normalisation, start_s=angles.start_s, exposure_s=exposure_s,
        turn_deg=_turn(file, angles),
    )  # fmt: skip
    return Acquisition(path=file.path, projections=projections, unit_mm=geometry.world_mm, started=clock.started, notes=notes)


def _turn(file: Xtekct, angles: Angles) -> float | None:
    """Degrees by which the stage turned during an exposure; None where it stood still, as in scans that shuttle, or nothing tells."""
    turn = None if file.text("Shuttling", "False").strip().lower() == "true" else turn_in_an_exposure(angles)
    return None if turn is None else turn[0] * (1 if angles.azimuth_deg[-1] < angles.azimuth_deg[0] else -1)


def _check_angles(file: Xtekct, angles: Angles, notes: list[str]) -> None:
    """Raises InputError where measured angles are not those of the record's rotation."""
    step = file.number("AngularStep")
    if angles.path is None:
        notes.append(f"angles are InitialAngle + k AngularStep of {file.path.name}, as no record of measured ones is there for all scans")
        return
    turn = turn_in_an_exposure(angles)
    if turn is not None and turn[1] > BLURRED:
        notes.append(f"the stage turns {turn[0]:.4g} degrees during an exposure, {turn[1]:.2f} of a step")
    departure = departure_from_law(angles, step)
    if departure > BESIDE_LAW:
        what = f"differs by up to {departure:.3g} steps from a rotation by the AngularStep of {step:g} degrees in {file.path.name}"
        raise InputError(what, where=angles.path, fix="it is another scan's, or damaged: take it away, or correct AngularStep")
