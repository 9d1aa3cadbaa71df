"""compare: the variants of a sweep in one table and one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xct4d.io import prepared
from xct4d.io.atomic import atomic_folder
from xct4d.io.csv_tables import write_table
from xct4d.io.digests import check_file
from xct4d.io.job_cost import cpu_seconds
from xct4d.io.mapping_files import read_mapping
from xct4d.report import comparison
from xct4d.report.comparison import Column, Variant
from xct4d.report.comparison_figure import draw_comparison

NOTES = """\
Means over the scored times between the scans. displacement: how far the material really goes since t = 0, which is the error of a
method that says nothing moves; error: of the reconstructed displacement, and what 95 % of the material stays below; stated deviation:
the standard deviation that the program itself states, root mean square over the material; determined part: of the material whose
deviation is at most {tolerance}, nothing at times whose projections the motion does not explain; times determined: with a verdict other
than "not determined". CPU minutes: of the jobs that this variant alone needs{shared}.
"""


def compare(
    evaluations: Mapping[str, Path],
    values: Mapping[str, Mapping[str, Any]],
    sequences: Mapping[str, Path],
    logs: Mapping[str, Sequence[Path]],
    output: Path,
) -> None:
    """Write comparison.csv, comparison.md and, where motion is scored, comparison.png into `output`, a folder.

    evaluations: output of `evaluate` of each variant, by its name. values: of
    the swept keys. sequences: the prepared projections between the scans, where
    there are such. logs: of all jobs behind each evaluation, which tell what
    they took. Raises InputError where an input is damaged or the output cannot
    be written.
    """
    users = [path for paths in logs.values() for path in paths]
    variants = []
    for name, evaluation in evaluations.items():
        check_file(evaluation / "metrics.json")
        frames = prepared.load(sequences[name]) if name in sequences else None
        alone = _cpu_seconds([path for path in logs[name] if users.count(path) == 1])
        variants.append(Variant(name, values[name], read_mapping(evaluation / "metrics.json"), frames, alone))
    shared = _cpu_seconds([path for path in dict.fromkeys(users) if users.count(path) > 1])
    columns = comparison.columns(variants)
    with atomic_folder(output) as folder:
        chosen = {key: [own.values[key] for own in variants] for key in variants[0].values}
        cells = {column.name: ["" if cell is None else cell for cell in column.cells] for column in columns}
        write_table(folder / "comparison.csv", {**chosen, **cells, "result": list(evaluations)})
        drawn = draw_comparison(folder / "comparison.png", variants)
        (folder / "comparison.md").write_text(_page(output.parent.name, variants, columns, shared, drawn), encoding="utf-8")


def _cpu_seconds(logs: Sequence[Path]) -> float | None:
    """CPU time that the jobs took together; None where a log does not tell."""
    known = [seconds for log in logs if (seconds := cpu_seconds(log)) is not None]
    return sum(known) if len(known) == len(logs) and known else None


def _page(title: str, variants: Sequence[Variant], columns: Sequence[Column], shared: float | None, drawn: bool) -> str:
    """The table and the figure as Markdown."""
    keys = list(variants[0].values)
    head = [*comparison.short_keys(keys), *(column.head for column in columns)]
    rows = [[*(str(own.values[key]) for key in keys), *(_cell(column, index) for column in columns)] for index, own in enumerate(variants)]
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(keys) + ["---:"] * len(columns), *rows)]
    tolerances = [trust["tolerance"] for own in variants for entry in own.entries if (trust := entry.get("trust"))]
    tolerance = f"{tolerances[0]:g} world units" if tolerances else "the tolerance"
    said = "" if shared is None else f"; those that several share took {shared / 60:.1f} more"
    picture = ["", "![Error and stated deviation of the displacement, determined part and cost of each variant](comparison.png)"]
    return "\n".join([f"# {title}", "", *lines, *(picture if drawn else []), "", NOTES.format(tolerance=tolerance, shared=said)])


def _cell(column: Column, index: int) -> str:
    value = column.cells[index]
    return "" if value is None else f"{value:.{column.digits}f}"
