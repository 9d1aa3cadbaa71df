"""The page of the benchmark: all figures in one table, and how they stand to the best peer's."""

from __future__ import annotations

from collections.abc import Iterable

OURS = "xct4d"
COLUMNS = {"mean": "error, mean", "p95": "error, p95", "corr": "correlation", "self": "self-correlation", "held out": "held out"}

HEAD = """# Motion, measured

Made by `python -m benchmarks.motion`, {date}, {machine}. A cell holds one value for each time of its scene.

- error: length of the difference to the true displacement, world units (the box is 2 wide), at points of a 48^3 grid with more than 10 % of the largest attenuation. "nothing moves" is the displacement itself.
- correlation: with the true attenuation, over the whole box. self-correlation: of both scans carried to that time; it is high for some wrong motions too.
- held out: rms(predicted - measured) / rms(measured) of the line integrals of projections that were not fitted.
- trust: rank correlation (Spearman) of the stated deviation with the true error / part of points whose error exceeds twice the stated deviation; of all points and times together, then at each time.
- strain: of points of the material followed from t = 0; mean size of the true one, mean error, root mean square of the stated deviation, part of points whose error exceeds twice their deviation. Folded material counts in none.
- CPU s: of {ours}, of the whole process tree of `snakemake --cores {cores}` with the folder alone, volumes, report and start of Python included (in brackets: of the stages that fit something); of the others, of the method and all that it needs, in one thread, without reading the data and compilation.

"""


def page(record: dict) -> str:
    """The whole page, Markdown."""
    head = HEAD.format(ours=OURS, **{key: record[key] for key in ("date", "machine", "cores")})
    scenes = record["scenes"]
    parts = ["## Against the best peer\n", verdicts(scenes), "\n## All figures\n", figures(scenes), "\n## Scans\n", scans(scenes)]
    parts += ["\n## Strain\n", strain(scenes)]
    return head + "\n".join(parts) + "\n"


def figures(scenes: dict) -> str:
    """One row for each scene and method."""
    rows = [["scene", "method", "CPU s", *COLUMNS.values(), "trust"]]
    for name, scene in scenes.items():
        times = " ".join(f"{t:g}" for t in scene["times"])
        ours = scene["ours"]
        rows.append([name, f"nothing moves at t = {times}", "", _joined(row["still"] for row in ours["times"]), "", "", "", "", ""])
        fitting = "" if ours["fitting_cpu_s"] is None else f" ({ours['fitting_cpu_s']:.0f})"
        rows.append([name, f"**{OURS}**", f"{ours['cpu_s']:.0f}{fitting}", *_cells(ours["times"]), _trust(ours)])
        for method, figures_of in _moving(scene).items():
            rows.append([name, method, f"{figures_of['cpu_s']:.0f}", *_cells(figures_of["times"]), ""])
    return _table(rows)


def verdicts(scenes: dict) -> str:
    """One row for each scene and time: the error as a part of the best peer's, and whether that is what is to be reached."""
    rows = [["scene", "t", f"{OURS} mean", "best peer", "", "ratio", "p95 ratio", "correlation", "best peer's", "to reach", ""]]
    for name, scene in scenes.items():
        rows += [[name, *row] for row in _verdict_rows(scene)]
    return _table(rows)


def _verdict_rows(scene: dict) -> list[list[str]]:
    rows = []
    for i, ours in enumerate(scene["ours"]["times"]):
        at = {method: own["times"][i] for method, own in _moving(scene).items()}
        if not at:
            rows.append([f"{ours['t']:g}", f"{ours['mean']:.4f}", "", "", "", "", f"{ours['corr']:.3f}", "", "", ""])
            continue
        best = min(at, key=lambda method: at[method]["mean"])
        ratio, p95 = ours["mean"] / at[best]["mean"], ours["p95"] / min(row["p95"] for row in at.values())
        correlation = max(row["corr"] for row in at.values())
        reached = ratio <= scene["limit"]
        if scene["p95_counts"]:
            reached &= p95 <= scene["limit"] and (ours["t"] == 1 or ours["corr"] > correlation)  # at t = 1 some show the scan itself
        rows.append([
            f"{ours['t']:g}", f"{ours['mean']:.4f}", f"{at[best]['mean']:.4f}", best, f"{ratio:.2f}", f"{p95:.2f}",
            f"{ours['corr']:.3f}", f"{correlation:.3f}", f"{scene['limit']:g}", "yes" if reached else "**no**",
        ])  # fmt: skip
    return rows


def scans(scenes: dict) -> str:
    """Correlation of the two scans alone with the truth."""
    rows = [["scene", "method", "t = 0", "t = 1", "CPU s of both"]]
    for name, scene in scenes.items():
        rows.append([name, f"**{OURS}**", *(f"{value:.4f}" for value in scene["ours"]["scans"].values()), ""])
        for method, own in scene.get("peers", {}).items():
            if method not in _moving(scene):
                rows.append([name, method, *(f"{row['corr']:.4f}" for row in own["times"]), f"{own['cpu_s']:.0f} (one)"])
    return _table(rows)


def strain(scenes: dict) -> str:
    """One row for each scene: what is true, wrong and stated at its times."""
    names, figures_of = {"equivalent_strain": "equivalent strain", "jacobian": "J - 1"}, ("true", "error", "deviation", "beyond")
    rows = [["scene", *(f"{label}: {figure}" for label in names.values() for figure in figures_of)]]
    for name, scene in scenes.items():
        times = scene["strain"]
        cells = [
            _joined((row[measure][figure] for row in times), 2 if figure == "beyond" else 4) for measure in names for figure in figures_of
        ]
        rows.append([name, *cells])
    return _table(rows)


def _moving(scene: dict) -> dict[str, dict]:
    """The peers' methods that know a displacement."""
    return {method: own for method, own in scene.get("peers", {}).items() if all(row["mean"] is not None for row in own["times"])}


def _cells(times: list[dict]) -> list[str]:
    digits = {"mean": 4, "p95": 4}
    return [_joined((row[key] for row in times), digits.get(key, 3)) for key in COLUMNS]


def _trust(ours: dict) -> str:
    whole, *at_times = [
        "-" if own["trust"] is None else f"{own['trust']['spearman']:.2f}/{own['trust']['beyond']:.2f}" for own in (ours, *ours["times"])
    ]
    return f"**{whole}** {' '.join(at_times)}"


def _joined(values: Iterable[float | None], digits: int = 4) -> str:
    return " ".join(
        "-" if value is None else f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"
        for value in values
    )


def _table(rows: list[list[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body]) + "\n"
