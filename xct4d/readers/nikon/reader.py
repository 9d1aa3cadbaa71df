"""Full scans of a Nikon X-Tek scanner, from their .xtekct files and TIFF files of counts.

One .xtekct is a static dataset; of two, the configuration names which is
`forward` and which `backward`. The angle of projection k is
-(InitialAngle + k AngularStep), in degrees from +x towards +y: with images
that are not mirrored this is the right geometry of a real stop-start scan.
What no public file proves is refused: offsets of the detector and of the axis.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.nikon.xtekct import Xtekct, record_files
from xct4d.readers.reader import Acquisition, Dataset, Reader, State
from xct4d.readers.unused import unused_images, unused_volumes

# Keys whose sign differs from one program to the next; 0 in every public file.
_UNPROVEN = (
    "DetectorOffsetX",
    "DetectorOffsetY",
    "CentreOfRotationTop",
    "CentreOfRotationBottom",
    "ObjectOffsetX",
    "ObjectRoll",
    "ObjectTilt",
)
_TIFF = (".tif", ".tiff")


class NikonReader(Reader):
    name = "nikon"
    looks_for = "*.xtekct"

    def can_read(self, folder: Path, options: Input) -> bool:
        if options.forward is not None:
            return options.forward.lower().endswith(".xtekct")
        return bool(record_files(folder))

    def files(self, folder: Path, options: Input) -> dict[State, list[Path]]:
        return {state: [path, *_images(Xtekct(path), folder)] for state, path in _records(folder, options).items()}

    def open(self, folder: Path, options: Input) -> Dataset:
        acquisitions = {state: _acquisition(Xtekct(path), folder) for state, path in _records(folder, options).items()}
        used = [projection.image for one in acquisitions.values() for projection in one.projections]
        left = [*unused_images(folder, used), *unused_volumes(folder, options)]
        acquisitions["forward"] = replace(acquisitions["forward"], notes=left)
        return Dataset(acquisitions)


def _records(folder: Path, options: Input) -> dict[State, Path]:
    """The .xtekct file of each state."""
    if options.between is not None:
        raise InputError("a Nikon scan has no sequence", where="input.between", fix="join scans and sequence in transforms files")
    found = record_files(folder)
    named: dict[State, Path] = {}
    for state, name in (("forward", options.forward), ("backward", options.backward)):
        if name is not None:
            named[state] = safe_path(folder, name, f"input.{state}")
            if not named[state].is_file():
                raise InputError(f"no such file in {folder}", where=f"input.{state}: {name}")
    if not named and len(found) == 1:
        named["forward"] = found[0]
    if "forward" not in named or not set(found) <= set(named.values()):
        names = ", ".join(path.name for path in found)
        raise InputError(
            f"which scan is whose: {names}?", where=folder, fix="name them as input.forward and input.backward, or move the others away"
        )
    return named


def _images(file: Xtekct, folder: Path) -> list[Path]:
    """The TIFF file of each projection, in order: NAME_0001.tif and so on, beside the record or in InputFolderName."""
    name, separator, inner = file.text("Name"), file.text("InputSeparator", "_"), file.text("InputFolderName", "")
    count = int(file.positive("Projections"))
    place = file.path.parent / inner.replace("\\", "/")
    try:
        listed = {entry.lower(): entry for entry in os.listdir(place)}
    except OSError:
        raise InputError(f"there is no folder {place}", where=f"{file.path}: InputFolderName", fix="correct or empty it") from None
    images = []
    for number in range(1, count + 1):
        candidates = [f"{name}{separator}{number:04d}{suffix}" for suffix in _TIFF]
        entry = next((listed[wanted.lower()] for wanted in candidates if wanted.lower() in listed), None)
        if entry is None:
            raise InputError(f"there is no image {place / candidates[0]}", where=f"{file.path}: Projections", fix="restore it")
        relative = os.path.relpath(place / entry, folder)
        images.append(safe_path(folder, relative, f"{file.path}: InputFolderName"))
    return images


def _acquisition(file: Xtekct, folder: Path) -> Acquisition:
    import numpy as np  # listing files does without

    from xct4d.geometry.views import orbit
    from xct4d.readers.nikon.counts import CountsProjection

    record, white = file.record(), file.positive("WhiteLevel")
    for key in _UNPROVEN:
        if file.number(key, 0.0) != 0:
            what = f"is {file.text(key)}; programs differ in its sign, and no public scan tells which is right"
            raise InputError(what, where=f"{file.path}: {key}", fix="give the geometry in transforms files")
    start, step = file.number("InitialAngle", 0.0), file.number("AngularStep")
    images = _images(file, folder)
    projections = [
        CountsProjection(
            name=os.path.relpath(image, folder),
            where=f"{file.path}: projection {k + 1} ({image.name})",
            camera_to_world=orbit(-(start + k * step), 90.0, record.source_to_object / record.unit_mm)[None],
            focal=record.focal(),
            centre=(record.pixels[0] / 2, record.pixels[1] / 2),
            size=record.pixels,
            weight=np.ones(1),
            path=image,
            white=white,
        )
        for k, image in enumerate(images)
    ]
    return Acquisition(path=file.path, projections=projections, unit_mm=record.unit_mm, scanner=record)
