"""The variants of a sweep beside each other, as a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from xct4d.pictures.colours import BLACK, BLUE, GREEN, VERMILION
from xct4d.report import comparison
from xct4d.report.comparison import Number, Variant
from xct4d.report.plots import DPI

MOST_ROWS = 60  # more would be a figure that no screen shows; the table has all


def draw_comparison(path: Path, variants: Sequence[Variant]) -> bool:
    """One row for each variant: error and stated deviation of the displacement, the part that is determined, what it costs.

    Returns whether there is a figure: nothing is drawn where no motion is scored.
    """
    shown = variants[:MOST_ROWS]
    panels: list[tuple[float, Callable[[Axes, Sequence[Variant]], None]]] = []
    if any(comparison.error(own) is not None or comparison.deviation(own) is not None for own in shown):
        panels.append((2.2, _errors))
    if any(comparison.determined(own) is not None for own in shown):
        panels.append((1.0, _determined))
    if not panels:
        return False
    panels.append((1.0, _cost))
    figure = Figure(figsize=(3.2 * sum(width for width, _ in panels), 0.34 * len(shown) + 1.7), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True, width_ratios=[width for width, _ in panels])[0]
    for own, (_, draw) in zip(axes, panels, strict=True):
        draw(own, shown)
        own.spines[["top", "right"]].set_visible(False)
        own.grid(axis="x", color="0.9", linewidth=0.6)
        own.set_axisbelow(True)
        own.tick_params(labelsize=8)
    axes[0].set_yticks(range(len(shown)), [comparison.label(own) for own in shown], parse_math=False)
    axes[0].set_ylim(len(shown) - 0.4, -0.6)  # the first on top
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper left", ncols=len(handles), fontsize=8, frameon=False)
    if len(variants) > len(shown):
        figure.suptitle(f"the first {len(shown)} of {len(variants)}", fontsize=9)
    figure.savefig(path, dpi=DPI)
    return True


def _errors(axes: Axes, variants: Sequence[Variant]) -> None:
    for figure, marker, style, name in (
        (comparison.error, "o", {"color": BLACK}, "mean error"),
        (comparison.error_p95, "|", {"color": BLACK}, "95 % of errors are below"),
        (comparison.deviation, "D", {"facecolors": "none", "edgecolors": VERMILION}, "stated standard deviation"),
        (comparison.displacement, "x", {"color": BLUE}, "mean displacement"),
    ):
        known = [(value, row) for row, own in enumerate(variants) if (value := figure(own))]  # 0 has no logarithm
        if known:
            axes.scatter(*zip(*known, strict=True), marker=marker, s=34, label=name, zorder=3, **style)
    for row, own in enumerate(variants):
        if (low := comparison.error(own)) and (high := comparison.error_p95(own)):
            axes.plot([low, high], [row, row], color=BLACK, linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"displacement ({variants[0].scale.length_unit})", fontsize=8)


def _determined(axes: Axes, variants: Sequence[Variant]) -> None:
    axes.barh(range(len(variants)), [100 * (comparison.determined(own) or 0) for own in variants], height=0.6, color=GREEN)
    axes.set_xlim(0, 100)
    axes.set_xlabel("material determined (%)", fontsize=8)


def _cost(axes: Axes, variants: Sequence[Variant]) -> None:
    counts = [comparison.projections(own) for own in variants]
    axes.barh(range(len(variants)), counts, height=0.6, color="0.75")
    for row, (own, count) in enumerate(zip(variants, counts, strict=True)):
        text = str(count) if own.seconds is None else f"{count}; {_duration(own.seconds)}"
        axes.annotate(text, (count, row), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_xlim(0, 1.9 * max(*counts, 1))
    axes.set_xlabel("projections; CPU time", fontsize=8)


def _duration(seconds: Number) -> str:
    assert seconds is not None
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
