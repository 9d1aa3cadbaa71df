"""Scans that a table describes: image files or TIFF stacks with an angle each, flats and darks, and a few lengths.

angle_deg is that of the stage, counter-clockwise as seen from above, so the
source's azimuth as seen from the sample is minus that. Times are seconds on one
clock for all tables of a dataset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.reader import Acquisition, Dataset
from xct4d.readers.scan_reader import ScanReader
from xct4d.readers.table.csv_file import Row, Table, read_table

if TYPE_CHECKING:
    from xct4d.readers.circular import Circle
    from xct4d.readers.counts import Normalisation

NAME = "projections.csv"


class TableReader(ScanReader):
    name = "table"
    looks_for = f"*{NAME}"

    def describes(self, name: str) -> bool:
        return name.lower().endswith(".csv")

    def descriptions(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.name.lower().endswith(NAME) and not path.name.startswith("."))

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        table = read_table(description)
        files = [_file(row, table, folder) for row in table.rows]
        for row, file in zip(table.rows, files, strict=True):
            if not file.is_file():
                raise InputError(f"there is no file {file}", where=f"{row.where}: file", fix="restore it, or remove the line")
        return list(dict.fromkeys([description, *files]))

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        return _acquisition(read_table(description), folder, options)

    def open(self, folder: Path, options: Input) -> Dataset:
        acquisitions = dict(super().open(folder, options).acquisitions)
        # A full scan shows a sample at rest: before a sequence until its last projection, after one from its first.
        for state, of in (("forward", max), ("backward", min)):
            if state in acquisitions:
                acquisitions[state] = _at_one_time(acquisitions[state], of if "between" in acquisitions else None)
        return Dataset(acquisitions)


def _at_one_time(acquisition: Acquisition, of: Callable[[list[float]], float] | None) -> Acquisition:
    """The scan at one time of its projections', or at none, as a sample at rest has no others."""
    import numpy as np

    starts = [projection.start_s for projection in acquisition.projections if projection.start_s is not None]
    time = None if of is None or len(starts) < len(acquisition.projections) else np.array([of(starts)])
    return replace(acquisition, projections=[replace(projection, time=time) for projection in acquisition.projections])


def _file(row: Row, table: Table, folder: Path) -> Path:
    """The path of a row's image, which starts from the table."""
    if Path(row.file).is_absolute():
        return safe_path(folder, row.file, f"{row.where}: file")  # refuses it
    return safe_path(folder, os.path.join(os.path.relpath(table.path.parent, folder), row.file), f"{row.where}: file")


def _acquisition(table: Table, folder: Path, options: Input) -> Acquisition:
    import numpy as np

    from xct4d.readers.counts import ImageCounts
    from xct4d.readers.images import read_size

    rows = [row for row in table.rows if row.kind == "projection"]
    first = _file(rows[0], table, folder)
    size, _ = read_size(first, rows[0].where)
    geometry = _circle(table, size, options.unit_mm)
    normalisation = _normalisation(table, folder, size, options)
    order = {id(row): place for place, row in enumerate(table.rows)}
    projections = []
    for row in rows:
        path = _file(row, table, folder)
        name = os.path.relpath(path, folder)
        projections.append(
            ImageCounts(
                name=name if row.page is None else f"{name}#{row.page + 1}",
                where=f"{row.where} ({row.file})",
                **geometry.placed(-row.angle_deg),
                time=None if row.time_s is None else np.array([row.time_s]),
                start_s=row.time_s,
                exposure_s=row.exposure_s,
                turn_deg=row.turn_deg,
                path=path,
                page=row.page,
                normalisation=normalisation,
                place=order[id(row)],
            )
        )
    return Acquisition(path=table.path, projections=projections, unit_mm=geometry.world_mm)


def _circle(table: Table, size: tuple[int, int], unit_mm: float | None) -> Circle:
    """The geometry that the table's keys give. Raises InputError where one is missing or contradicts another."""
    from xct4d.readers.circular import Circle

    pixel = table.positive("pixel_mm")
    if pixel is None:
        raise InputError(
            "is missing", where=f"{table.path}: pixel_mm", fix="write `# pixel_mm: 0.2` above the columns: the width of a pixel"
        )
    distances = {key: table.positive(key) for key in ("source_to_axis_mm", "source_to_detector_mm")}
    for key, value in distances.items():
        if value is None and any(distances.values()):
            raise InputError("is missing", where=f"{table.path}: {key}", fix="a cone beam needs both distances, a parallel beam none")
    geometry = Circle(
        where=str(table.path),
        size=size,
        pixel_mm=(pixel, table.positive("pixel_height_mm") or pixel),
        source_to_axis_mm=distances["source_to_axis_mm"],
        source_to_detector_mm=distances["source_to_detector_mm"],
        unit_mm=unit_mm,
        centre=(table.keys.get("centre_column", size[0] / 2), table.keys.get("centre_row", size[1] / 2)),
    )
    if (at_axis := table.positive("pixel_at_axis_mm")) is not None:
        geometry.check_law(at_axis, "pixel_at_axis_mm")
    return geometry


def _normalisation(table: Table, folder: Path, size: tuple[int, int], options: Input) -> Normalisation:
    """By flats and darks where they are listed, else by a level of air. Raises InputError where the table has both, or darks alone."""
    from xct4d.readers.counts import AirLevel, Flats, FlatsAndDarks, UnknownAir
    from xct4d.readers.flats import groups, mean_of

    flats = [(place, row) for place, row in enumerate(table.rows) if row.kind == "flat"]
    darks = [row for row in table.rows if row.kind == "dark"]

    def mean(rows: list[Row]):
        return lambda: mean_of((_file(row, table, folder), size, f"{row.where} ({row.file})", row.page) for row in rows)

    air = options.intensities.air or table.positive("air")
    if not flats:
        if darks:
            raise InputError("lists darks, but no flats", where=table.path, fix="list the images of air with the kind flat")
        level = table.keys.get("dark", 0.0)
        if air is None:
            return UnknownAir(str(table.path))
        return AirLevel(air, level, f"{table.path}: air" if options.intensities.air is None else "input.intensities.air")
    if air is not None or "dark" in table.keys:
        raise InputError("gives a level of air or of darkness beside flats", where=table.path, fix="remove the one or the others")
    sets = tuple(Flats(place, mean(rows)) for place, rows in groups(flats))
    return FlatsAndDarks(flats=sets, dark=mean(darks) if darks else None, key=str(table.path))
