"""Nikon's .xtekct files, in which the scanner writes down its geometry.

Their text is INI, in Latin-1 or UTF-8 with or without a mark, with keys that
may repeat and a section [DICOM] that holds XML.
"""

from __future__ import annotations

import configparser
import math
from pathlib import Path

from xct4d.errors import InputError
from xct4d.io.paths import refuse_special
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
    """The keys of one file."""

    def __init__(self, path: Path):
        """Raises InputError where the file cannot be read or is no INI."""
        self.path = path
        self._parser = configparser.ConfigParser(interpolation=None, strict=False)
        refuse_special(path, path)
        try:
            self._parser.read_string(path.read_text(encoding="utf-8-sig", errors="replace"))
        except (OSError, configparser.Error) as error:
            raise InputError(f"cannot be read ({' '.join(str(error).split())})", where=path) from None

    def text(self, key: str, default: str | None = None) -> str:
        """Raises InputError where the key is missing and has no default."""
        text = self._parser.get(SECTION, key, fallback=default)
        if text is None:
            raise InputError("is missing", where=f"{self.path}: {key}")
        return text.strip()

    def number(self, key: str, default: float | None = None) -> float:
        """Raises InputError where the key is missing and has no default, or its value is not a finite number."""
        text = self.text(key, None if default is None else str(default))
        number = _finite(text)
        if math.isnan(number):
            raise InputError(f"must be a number, not {text}", where=f"{self.path}: {key}")
        return number

    def positive(self, key: str) -> float:
        """Raises InputError where the key is missing or its value is not a positive number."""
        text = self.text(key)
        number = _finite(text)
        if not number > 0:
            raise InputError(f"must be a positive number, not {text}", where=f"{self.path}: {key}")
        return number

    def record(self) -> ScannerRecord:
        """The geometry. Raises InputError naming the key that is missing or not positive."""
        source_to_object, source_to_detector = self.positive("SrcToObject"), self.positive("SrcToDetector")
        pixels = int(self.positive("DetectorPixelsX")), int(self.positive("DetectorPixelsY"))
        pixel_size = self.positive("DetectorPixelSizeX"), self.positive("DetectorPixelSizeY")
        voxels, voxel_size = int(self.positive("VoxelsX")), self.positive("VoxelSizeX")
        return ScannerRecord(self.path, source_to_object, source_to_detector, pixels, pixel_size, unit_mm=voxel_size * voxels / 2)


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
