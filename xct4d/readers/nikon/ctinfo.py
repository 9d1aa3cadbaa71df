"""Nikon's .ctinfo.xml: when a scan began, and how long a projection was exposed. The only clock of stop-start scans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

from xct4d.errors import InputError
from xct4d.readers.ini import finite, read_text

TIME = "%Y-%m-%d %H.%M.%S"  # local


@dataclass(frozen=True)
class ScanTimes:
    started: datetime | None
    ended: datetime | None
    exposure_s: float | None  # of a projection, all its frames


def info_file(record: Path) -> Path | None:
    """The .ctinfo.xml of the scan that an .xtekct describes."""
    wanted = f"{record.stem}.ctinfo.xml".lower()
    found = [path for path in record.parent.iterdir() if path.name.lower() == wanted]
    return found[0] if found else None


def read_times(path: Path) -> ScanTimes:
    """Raises InputError where the file is no XML, or holds a time or an exposure that is none."""
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError("defines entities, which a scanner's file does not", where=path, fix="copy the file from the scanner again")
    try:
        root = ElementTree.fromstring(text.encode())  # without entities, which are refused above
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"is no XML ({error})", where=path, fix="copy the file from the scanner again") from None
    values = {element.tag: (element.text or "").strip() for element in root.iter()}
    frames, exposure = (_number(values, key, path) for key in ("FramesPerProjection", "ExposureMilliseconds"))
    exposure_s = None if exposure is None else (frames or 1.0) * exposure / 1000
    return ScanTimes(_time(values, "ScanStart", path), _time(values, "ScanEnd", path), exposure_s)


def _time(values: dict[str, str], key: str, path: Path) -> datetime | None:
    if not values.get(key):
        return None
    try:
        return datetime.strptime(values[key], TIME)
    except ValueError:
        raise InputError(f"must be a time such as 2024-04-25 09.30.23, not {values[key][:40]!r}", where=f"{path}: {key}") from None


def _number(values: dict[str, str], key: str, path: Path) -> float | None:
    if not values.get(key):
        return None
    number = finite(values[key])
    if not number > 0:
        raise InputError(f"must be a positive number, not {values[key][:40]!r}", where=f"{path}: {key}")
    return number
