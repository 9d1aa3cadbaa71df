"""Nikon's .xtekct files: the scanner's own record of its geometry."""

from __future__ import annotations

import configparser
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xct4d.errors import InputError
from xct4d.io.cameras import AGREE, Dataset


@dataclass(frozen=True)
class Xtekct:
    """Geometry of a scan, lengths in mm."""

    path: Path
    source_to_object: float
    source_to_detector: float
    pixels: tuple[int, int]  # of the detector, columns and rows
    pixel_size: tuple[float, float]
    voxels: int  # of the reconstruction along x
    voxel_size: float

    @property
    def unit_mm(self) -> float:
        """Half the width of the reconstructed volume."""
        return self.voxel_size * self.voxels / 2


def read_xtekct(path: str | Path) -> Xtekct:
    """Parse an .xtekct file. Raises InputError naming the file and the key that is missing or not positive."""
    path = Path(path)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig", errors="replace"))
    except (OSError, configparser.Error) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())})", where=path) from None

    def value(key: str) -> float:
        text = parser.get("XTekCT", key, fallback=None)
        try:
            number = float(text)
        except (TypeError, ValueError):
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise InputError("is missing" if text is None else f"must be a positive number, not {text}", where=f"{path}: {key}")
        return number

    return Xtekct(
        path, value("SrcToObject"), value("SrcToDetector"),
        (int(value("DetectorPixelsX")), int(value("DetectorPixelsY"))), (value("DetectorPixelSizeX"), value("DetectorPixelSizeY")),
        int(value("VoxelsX")), value("VoxelSizeX"),
    )  # fmt: skip


def beside(dataset: Dataset, notes: list[str]) -> Xtekct | None:
    """The .xtekct in the folder of a transforms file, or None where there is none, or several, which is added to the notes."""
    found = sorted(path for path in dataset.path.parent.iterdir() if path.suffix.lower() == ".xtekct")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        notes.append(f"which scan is whose: {names}? None is used, neither to check focal lengths nor for the unit; leave one")
    return read_xtekct(found[0]) if len(found) == 1 else None


def check_focal(dataset: Dataset, record: Xtekct) -> str:
    """Compare each projection's focal length with SrcToDetector / DetectorPixelSize; returns what was found.

    An image narrower than the detector was either cropped, which keeps the focal
    length in pixels, or binned, which divides it by the binning; both are
    accepted. Raises InputError telling both numbers where neither agrees within
    AGREE.
    """
    agreed = set()
    for projection in dataset.projections:
        for axis, key in ((0, "fl_x"), (1, "fl_y")):
            full = record.source_to_detector / record.pixel_size[axis]
            ratio = record.pixels[axis] / projection.size[axis]
            expected = {"the whole detector" if ratio == 1 else "a cropped detector": full}
            if ratio != 1:
                expected["binned pixels"] = full / ratio
            given = projection.focal[axis]
            fitting = [kind for kind, focal in expected.items() if abs(given / focal - 1) <= AGREE]
            if not fitting:
                _disagree(projection.where, key, given, record, axis, expected, projection.size[axis])
            agreed.add(fitting[0])
    return f"focal lengths agree with {record.path.name} ({', '.join(sorted(agreed))})"


def _disagree(where: str, key: str, given: float, record: Xtekct, axis: int, expected: dict[str, float], size: int) -> None:
    letter = "XY"[axis]
    numbers = " or ".join(f"{focal:.2f} px ({kind})" if len(expected) > 1 else f"{focal:.2f} px" for kind, focal in expected.items())
    seen = "" if len(expected) == 1 else f" for {size} of {record.pixels[axis]} pixels"
    raise InputError(
        f"{given:.2f} px disagrees with {record.path.name}: SrcToDetector {record.source_to_detector:g} mm / "
        f"DetectorPixelSize{letter} {record.pixel_size[axis]:g} mm is {numbers}{seen}",
        where=f"{where}.{key}",
        fix="correct the focal length (and the source positions that were computed with it), or take the .xtekct away if it is another scan's",
    )


def unit_mm(dataset: Dataset, record: Xtekct) -> float:
    """mm per world unit: SrcToObject over the source's distance from the rotation axis in world units.

    It equals Xtekct.unit_mm where the box is the scanner's volume, and stays
    right where the transforms file was made with another scale.
    """
    distance = [np.hypot(*pose[:2, 3]) for projection in dataset.projections for pose in projection.camera_to_world]
    return record.source_to_object / float(np.median(distance))
