"""The plot of the benchmark: error over time, one panel a scene, one line a method."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks.motion.tables import OURS

STYLES = {OURS: {"color": "black", "linewidth": 2.2}, "nothing moves": {"color": "grey", "linestyle": ":"}}
LEFT_OUT = ("still", "blend")  # the same line as "nothing moves"


def draw(record: dict, path: Path) -> None:
    """Write the plot to a file (.svg, .png)."""
    scenes = record["scenes"]
    columns = min(len(scenes), 4)
    rows = math.ceil(len(scenes) / columns)
    mpl.rcParams["svg.hashsalt"] = "xct4d"  # the same figures give the same file
    figure, panels = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.8 * rows + 0.5), squeeze=False, layout="constrained")
    for panel in panels.flat[len(scenes) :]:
        panel.set_visible(False)
    lines = {}
    for panel, (name, scene) in zip(panels.flat, scenes.items(), strict=False):
        for i, (method, errors) in enumerate(_errors(scene).items()):
            style = STYLES.get(method, {"color": f"C{i}", "linewidth": 1.2})
            (lines[method],) = panel.plot(scene["times"], errors, marker=".", label=method, **style)
        panel.set(title=name, yscale="log", xlabel="t")
    panels[0, 0].set_ylabel("mean displacement error")
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _errors(scene: dict) -> dict[str, list[float]]:
    ours = scene["ours"]["times"]
    errors = {OURS: [row["mean"] for row in ours], "nothing moves": [row["still"] for row in ours]}
    for method, own in scene.get("peers", {}).items():
        if method not in LEFT_OUT and all(row["mean"] is not None for row in own["times"]):
            errors[method] = [row["mean"] for row in own["times"]]
    return errors
