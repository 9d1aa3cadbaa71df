"""The text of a table: `# key: value` lines, then comma-separated columns with names above them.

    # source_to_axis_mm: 149.2543
    # source_to_detector_mm: 867.5093
    # pixel_mm: 0.2
    # air: 50000
    file,angle_deg,time_s
    scan_0001.tif,0.0,0.0
    scan_0002.tif,0.36,1.0

Imports no numpy: planning a run lists a dataset's files with it.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from xct4d.errors import InputError
from xct4d.readers.ini import finite, read_text

KEYS = (
    "source_to_axis_mm", "source_to_detector_mm", "pixel_mm", "pixel_height_mm", "pixel_at_axis_mm", "centre_column", "centre_row", "air", "dark",
)  # fmt: skip
COLUMNS = ("file", "angle_deg", "time_s", "exposure_s", "turn_deg", "kind", "page")
KINDS = ("projection", "flat", "dark")


@dataclass(frozen=True)
class Row:
    """One image, in the order of recording."""

    where: str  # table and line, for messages
    file: str
    kind: str  # of KINDS
    page: int | None  # from 0; None: the file holds one image
    angle_deg: float | None  # of the stage; projections have one
    time_s: float | None
    exposure_s: float | None
    turn_deg: float | None  # of the stage during the exposure


@dataclass(frozen=True)
class Table:
    path: Path
    keys: dict[str, float]
    rows: list[Row]

    def positive(self, key: str) -> float | None:
        """A key's value, None where it is not given. Raises InputError where it is not positive."""
        value = self.keys.get(key)
        if value is not None and not value > 0:
            raise InputError(f"must be positive, not {value:g}", where=f"{self.path}: {key}")
        return value


def read_table(path: Path) -> Table:
    """Raises InputError naming the line where the text is no such table."""
    keys: dict[str, float] = {}
    names: list[str] | None = None
    rows: list[Row] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        where, text = f"{path}: line {number}", line.strip()
        if not text:
            continue
        if text.startswith("#"):
            _key(text, keys, where)
        elif names is None:
            names = _names(_cells(text, where), where)
        else:
            rows.append(_row(_cells(text, where), names, where))
    if names is None or not any(row.kind == "projection" for row in rows):
        raise InputError("lists no projection", where=path, fix=f"write the columns {COLUMNS[0]},{COLUMNS[1]} and a line for each image")
    return Table(path, keys, _with_pages(rows))


def _cells(text: str, where: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True))]
    except (csv.Error, StopIteration) as error:
        raise InputError(f"is no comma-separated line ({error})", where=where) from None


def _key(text: str, keys: dict[str, float], where: str) -> None:
    """A `# key: value` line; other lines behind a # are remarks."""
    name, colon, value = text.lstrip("#").partition(":")
    name, value = name.strip(), value.strip()
    if not colon or " " in name:
        return
    if name not in KEYS:
        raise InputError(
            f"{name} is no key of a table", where=where, fix=f"keys are {', '.join(KEYS)}; begin a remark with # and a space in its words"
        )
    keys[name] = _number(value, f"{where}: {name}")


def _names(cells: list[str], where: str) -> list[str]:
    for name in cells:
        if name not in COLUMNS or cells.count(name) > 1:
            raise InputError(f"{name or 'a nameless one'} is no column of a table", where=where, fix=f"columns are {', '.join(COLUMNS)}")
    if not {"file", "angle_deg"} <= set(cells):
        raise InputError("needs the columns file and angle_deg", where=where)
    return cells


def _row(cells: list[str], names: list[str], where: str) -> Row:
    if len(cells) != len(names):
        raise InputError(f"has {len(cells)} cells for {len(names)} columns", where=where)
    given = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    kind = given.get("kind", "projection")
    if kind not in KINDS:
        raise InputError(f"{kind[:40]} is no kind of image", where=f"{where}: kind", fix=f"kinds are {', '.join(KINDS)}")
    if "file" not in given:
        raise InputError("is missing", where=f"{where}: file")
    numbers = {
        name: _number(given[name], f"{where}: {name}")
        for name in ("angle_deg", "time_s", "exposure_s", "turn_deg", "page")
        if name in given
    }
    if kind == "projection" and "angle_deg" not in numbers:
        raise InputError("is missing", where=f"{where}: angle_deg", fix="every projection needs its angle")
    page = numbers.get("page")
    if page is not None and not (page == int(page) and page >= 1):
        raise InputError(f"must be a whole number from 1, not {page:g}", where=f"{where}: page")
    if numbers.get("exposure_s", 1.0) <= 0:
        raise InputError(f"must be positive, not {numbers['exposure_s']:g}", where=f"{where}: exposure_s")
    times = tuple(numbers.get(name) for name in ("angle_deg", "time_s", "exposure_s", "turn_deg"))
    return Row(where, given["file"], kind, None if page is None else int(page) - 1, *times)


def _with_pages(rows: list[Row]) -> list[Row]:
    """A file that stands in several rows without pages is a stack: its images in that order. Raises InputError for an image twice."""
    listed: dict[str, list[Row]] = {}
    for row in rows:
        listed.setdefault(row.file, []).append(row)
    out, seen = [], {}
    for row in rows:
        same = listed[row.file]
        page = row.page if row.page is not None or len(same) == 1 else next(i for i, other in enumerate(same) if other is row)
        row = Row(row.where, row.file, row.kind, page, row.angle_deg, row.time_s, row.exposure_s, row.turn_deg)
        other = seen.setdefault((row.file, page), row)
        if other is not row:
            raise InputError(f"{row.file} is listed before, at {other.where}", where=f"{row.where}: file", fix="remove one of the two")
        out.append(row)
    return out


def _number(text: str, where: str) -> float:
    number = finite(text)
    if math.isnan(number):
        raise InputError(f"must be a number, not {text[:40]!r}", where=where)
    return number
