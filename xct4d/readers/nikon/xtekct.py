"""Nikon's .xtekct files, in which the scanner writes down its geometry."""

from __future__ import annotations

import math
from pathlib import Path

from xct4d.errors import InputError
from xct4d.readers.ini import IniFile
from xct4d.readers.scanner import ScannerRecord

SECTION = "XTekCT"

AGREE = 1e-4  # relative difference of lengths in records that describe the same geometry


def record_files(folder: Path) -> list[Path]:
    """The .xtekct files in a folder, sorted by name, without the ._ files that a Mac leaves beside files."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".xtekct" and not path.name.startswith("."))


def agreed_record(paths: list[Path]) -> ScannerRecord | None:
    """The geometry in several .xtekct files; None where there is no file, or they differ. Raises InputError where one cannot be read."""
    records = [Xtekct(path).record() for path in paths]
    if not records or any(not _same(record, records[0]) for record in records):
        return None
    return records[0]


def _same(a: ScannerRecord, b: ScannerRecord) -> bool:
    lengths = ((r.source_to_object, r.source_to_detector, *r.pixel_size, r.unit_mm) for r in (a, b))
    return a.pixels == b.pixels and all(math.isclose(x, y, rel_tol=AGREE) for x, y in zip(*lengths, strict=True))


class Xtekct:
    """The section [XTekCT] of one file."""

    def __init__(self, path: Path):
        """Raises InputError where the file cannot be read or is no INI."""
        self.path = path
        self._file = IniFile(path)

    def text(self, key: str, default: str | None = None) -> str:
        return self._file.text(SECTION, key, default)

    def number(self, key: str, default: float | None = None) -> float:
        return self._file.number(SECTION, key, default)

    def positive(self, key: str) -> float:
        return self._file.positive(SECTION, key)

    def count(self, key: str, most: int = 100_000) -> int:
        return self._file.count(SECTION, key, most)

    def where(self, key: str) -> str:
        return self._file.where(key)

    def record(self) -> ScannerRecord:
        """The geometry. Raises InputError naming the key that is missing or not positive, or the distances that no scanner has."""
        source_to_object, source_to_detector = self.positive("SrcToObject"), self.positive("SrcToDetector")
        if source_to_object >= source_to_detector:
            what = f"is {source_to_object:g} mm, not less than the SrcToDetector of {source_to_detector:g} mm"
            raise InputError(what, where=self.where("SrcToObject"), fix="correct the distances; are the two exchanged?")
        pixels = self.count("DetectorPixelsX"), self.count("DetectorPixelsY")
        pixel_size = self.positive("DetectorPixelSizeX"), self.positive("DetectorPixelSizeY")
        voxels, voxel_size = self.count("VoxelsX"), self.positive("VoxelSizeX")
        return ScannerRecord(self.path, source_to_object, source_to_detector, pixels, pixel_size, unit_mm=voxel_size * voxels / 2)
