"""`xct4d track RESULT TABLE`: points and gauges of the material followed through time, as tables and a figure."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch

from xct4d.analysis.regions import LABEL_FILES, label_regions
from xct4d.analysis.tracking import Followed, Paths, gauge_strain
from xct4d.commands.tracked import Found, column, curves, index
from xct4d.commands.tracked_regions import box_regions, regions_found
from xct4d.errors import InputError
from xct4d.io.atomic import atomic_folder
from xct4d.io.csv_tables import NamedRows, read_named_rows, write_table
from xct4d.pictures.curves import Panel, draw_curves
from xct4d.result import Result, open_result
from xct4d.units import LENGTH, TIME

BOXES = ("x_from", "x_to", "y_from", "y_to", "z_from", "z_to")
POINTS = ("x", "y", "z")
GAUGES = ("x1", "y1", "z1", "x2", "y2", "z2")
SHADED = "one standard deviation among the motions that the data leave open"


def track(result: str | Path, table: str | Path, output: str | Path | None = None) -> tuple[Path, list[str]]:
    """(folder with tracks.csv, tracks.png and tracks.pdf, what was found in a line each).

    result: folder of a finished result. table: CSV with the columns name, x, y,
    z (points), name, x1, y1, z1, x2, y2, z2 (gauges: the two ends) or name,
    x_from, x_to, y_from, y_to, z_from, z_to (boxes), in the result's unit of
    length, where the material is at t = 0; or a volume of labels
    (analysis.regions). output: folder; None: tracked/<name of the table> in the
    result. Raises InputError where there is no finished result, the table is
    none, or a place lies outside the box.
    """
    opened, table = open_result(result), Path(table)
    times = opened.moments
    if table.suffix.lower() in LABEL_FILES:
        found = regions_found(opened, label_regions(table), times)
    else:
        rows = read_named_rows(table, (POINTS, GAUGES, BOXES))
        found = regions_found(opened, box_regions(opened, rows), times) if rows.columns == BOXES else _marked(opened, rows, times)
    folder = Path(output) if output is not None else opened.folder / "tracked" / Path(table).stem
    with atomic_folder(folder) as temporary:
        write_table(temporary / "tracks.csv", found.columns)
        if found.histograms:
            write_table(temporary / "histograms.csv", found.histograms)
        unit = opened.scale.time_unit
        files = [temporary / "tracks.png", temporary / "tracks.pdf"]
        draw_curves(files, opened.scale.factor(TIME) * np.array(times), f"time ({unit})", found.panels, SHADED)
    return folder, found.lines


def _marked(result: Result, rows: NamedRows, times: list[float]) -> Found:
    """Of points, or gauges between two of them."""
    ends = np.array(rows.numbers).reshape(len(rows.names), -1, 3)
    _check_inside(ends, rows, result)
    points = torch.from_numpy(ends.swapaxes(0, 1).reshape(-1, 3) / result.scale.factor(LENGTH)).float()
    followed = Followed.of(result.model.velocity, result.motions, points, times)
    return (_points if rows.columns == POINTS else _gauges)(result, rows, times, followed)


def _check_inside(ends: np.ndarray, rows: NamedRows, result: Result) -> None:
    half = result.scale.factor(LENGTH)
    for row, places in enumerate(ends):
        if np.abs(places).max() > half:
            unit = result.scale.length_unit
            raise InputError(f"lies outside the box, which ends at {half:g} {unit} from its centre", where=rows.where(row))
        if len(places) == 2 and np.array_equal(*places):
            raise InputError("has both ends at one place", where=rows.where(row))


def _points(result: Result, rows: NamedRows, times: list[float], followed: Followed) -> Found:
    world_unit, unit = result.scale.factor(LENGTH), result.scale.length_unit
    first = followed.paths.places[:1]
    columns = index(result, rows.names, times)
    places, moved = followed.paths.places * world_unit, (followed.paths.places - first) * world_unit
    open_to = followed.deviation(lambda paths: paths.places) * world_unit
    for axis, name in enumerate(POINTS):
        columns[name] = column(places[..., axis])
        columns[f"displacement_{name}"] = column(moved[..., axis])
        columns[f"displacement_{name}_deviation"] = column(open_to[..., axis])
    strained = followed.paths.strained()
    deviations = {name: followed.deviation(partial(_strain, name)) for name in strained}
    for name, values in strained.items():
        columns[name], columns[f"{name}_deviation"] = column(values), column(deviations[name])
    length, length_open = moved.norm(dim=-1), followed.deviation(lambda paths: (paths.places - first).norm(dim=-1)) * world_unit
    panels = [
        Panel(f"displacement ({unit})", curves(rows.names, length, length_open), lowest=0.0),
        Panel(
            "equivalent strain (%)",
            curves(rows.names, 100 * strained["equivalent_strain"], 100 * deviations["equivalent_strain"]),
            lowest=0.0,
        ),
        Panel("change of volume (%)", curves(rows.names, 100 * (strained["jacobian"] - 1), 100 * deviations["jacobian"])),
    ]
    lines = [
        f"{name}: at the end moved by {length[-1, i]:.3g} +- {length_open[-1, i]:.2g} {unit}, equivalent strain "
        f"{strained['equivalent_strain'][-1, i]:.2%} +- {deviations['equivalent_strain'][-1, i]:.2%}"
        for i, name in enumerate(rows.names)
    ]
    return Found(columns, panels, lines)


def _gauges(result: Result, rows: NamedRows, times: list[float], followed: Followed) -> Found:
    world_unit, unit = result.scale.factor(LENGTH), result.scale.length_unit

    def strain(paths: Paths) -> torch.Tensor:
        return gauge_strain(paths)[1]

    lengths, logarithmic = gauge_strain(followed.paths)
    deviation = followed.deviation(strain)
    columns = index(result, rows.names, times) | {
        "length": column(lengths * world_unit),
        "length_deviation": column(followed.deviation(lambda paths: gauge_strain(paths)[0]) * world_unit),
        "engineering_strain": column(logarithmic.expm1()),
        "logarithmic_strain": column(logarithmic),
        "logarithmic_strain_deviation": column(deviation),
    }
    panels = [Panel("logarithmic strain (%)", curves(rows.names, 100 * logarithmic, 100 * deviation))]
    lines = [
        f"{name}: {lengths[0, i] * world_unit:.4g} {unit} long, logarithmic strain at the end {logarithmic[-1, i]:.2%} +- {deviation[-1, i]:.2%}"
        for i, name in enumerate(rows.names)
    ]
    return Found(columns, panels, lines)


def _strain(name: str, paths: Paths) -> torch.Tensor:
    return paths.strained()[name]
