"""Tables of numbers as comma-separated text: what a user asks to be followed, and what is found."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xct4d.errors import InputError


@dataclass(frozen=True)
class NamedRows:
    """Rows of a table, each with a name and a number in every column."""

    path: Path
    columns: tuple[str, ...]
    names: list[str]
    numbers: list[list[float]]  # of each row, in the order of the columns

    def where(self, row: int) -> str:
        """A row for messages."""
        return f"{self.path}: {self.names[row]}"


def read_named_rows(path: Path, layouts: Sequence[tuple[str, ...]]) -> NamedRows:
    """A table with the column `name` and the columns of one of the layouts, in any order.

    Rows without a name are numbered from 1. Raises InputError where the file is
    no such table, a cell is not a number or a name stands twice.
    """
    known = " or ".join(f"name,{','.join(layout)}" for layout in layouts)
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [
                row for row in csv.reader(file, strict=True) if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#")
            ]
    except FileNotFoundError:
        raise InputError("does not exist", where=path, fix=f"write a table with the columns {known}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read as a table ({error})", where=path, fix=f"write a table with the columns {known}") from None
    head = [cell.strip().lower() for cell in rows[0]] if rows else []
    layout = next((layout for layout in layouts if sorted(head) in (sorted(layout), sorted((*layout, "name")))), None)
    if layout is None:
        raise InputError(f"has the columns {','.join(head) or 'of an empty file'}", where=path, fix=f"begin it with {known}")
    if len(rows) == 1:
        raise InputError("lists nothing", where=path, fix="add a line below the names of the columns")
    names, numbers = [], []
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(head):
            raise InputError(
                f"has {len(row)} cells for {len(head)} columns",
                where=f"{path}: row {number}",
                fix="give it one cell a column, between commas",
            )
        cells = dict(zip(head, (cell.strip() for cell in row), strict=True))
        names.append(cells.get("name") or str(number))
        numbers.append([_number(cells[column], f"{path}: row {number}: {column}") for column in layout])
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"names two rows {twice}", where=path, fix="give each a name of its own")
    return NamedRows(path, layout, names, numbers)


def write_table(path: Path, columns: Mapping[str, Sequence[object]]) -> None:
    """Write columns of equal length; numbers with six digits, NaN as an empty cell."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"must be a number, not {text[:40]!r}", where=where, fix="write it with a decimal point, as 0.25 or 2.5e-1")
    return number


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
