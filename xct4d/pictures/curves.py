"""Curves over time with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from xct4d.pictures.colours import COLOURS

LINES = ("-", "--", ":", "-.")
DPI = 150
NAMED = 14  # curves that a legend can name


@dataclass(frozen=True)
class Panel:
    """Curves of one quantity."""

    label: str  # of the vertical axis, with its unit
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]]  # by name: values [T] and what is shaded above and below them [T]
    lowest: float = -np.inf  # the quantity is never below


def draw_curves(paths: Sequence[Path], times: np.ndarray, time_label: str, panels: Sequence[Panel], shaded: str) -> None:
    """Write panels below each other, into each of the files (PNG, PDF or SVG by its suffix). shaded: what the shades mean."""
    figure = Figure(figsize=(7.0, 0.6 + 2.6 * len(panels)), layout="constrained")
    every = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(every, panels, strict=True):
        for number, (name, (values, half)) in enumerate(panel.curves.items()):
            look = {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number // len(COLOURS) % len(LINES)]}
            axes.plot(times, values, label=name, linewidth=1.4, **look)
            axes.fill_between(times, np.maximum(values - half, panel.lowest), values + half, color=look["color"], alpha=0.18, linewidth=0)
        axes.set_ylabel(panel.label)
        axes.axhline(0, color="0.75", linewidth=0.8, zorder=0)
        axes.spines[["top", "right"]].set_visible(False)
    every[-1].set_xlabel(time_label)
    if len(panels[0].curves) <= NAMED:
        every[0].legend(frameon=False, fontsize="small", ncols=2 if len(panels[0].curves) > 4 else 1)
    figure.supxlabel(f"Shaded: {shaded}", fontsize="small", color="0.35", x=0.99, ha="right")
    for path in paths:
        figure.savefig(path, dpi=DPI)
