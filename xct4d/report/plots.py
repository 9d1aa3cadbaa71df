"""Figures (PNG). Curves differ in their colours and in their markers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from xct4d.geometry.planes import PLANE_AXES
from xct4d.pictures.colours import BLACK, BLUE, COLOURS, GREEN, VERMILION

DPI = 150
ARROW = 0.2  # length of the longest arrow, in half widths of the box
BETWEEN_SCANS = "self-correlation"  # the curve of forward against backward
STYLES = {
    "mixed": {"color": BLACK, "marker": "o", "linestyle": "-"},
    "forward": {"color": BLUE, "marker": ">", "linestyle": "-"},
    "backward": {"color": VERMILION, "marker": "<", "linestyle": "-"},
    BETWEEN_SCANS: {"color": GREEN, "marker": "s", "linestyle": "--"},
}
DIVERGING = "berlin"  # values on both sides of zero (Crameri 2018): perceptually uniform, black at zero


def slices(
    path: Path,
    rows: dict[str, Sequence[np.ndarray]],
    *,
    titles: Sequence[str] | None,
    axis: int,
    positions: Sequence[float],
    half_width: float,
    length_unit: str,
    attenuation_unit: str,
) -> None:
    """Slices, one row per kind: one plane at several times, or several planes.

    rows: images [v, u] of each kind, v upwards; attenuation, NaN (grey) where it is not known. titles: of the
    columns, which all show positions[0]; None: each column shows a position of
    its own. axis: of a (z, y, x) volume along which the positions are.
    half_width: of the box, in length_unit as the positions.
    """
    fixed, right, up = PLANE_AXES[axis]
    heads = titles if titles is not None else [f"{fixed} = {position:.3g} {length_unit}" for position in positions]
    pixels = np.concatenate([image.ravel() for images in rows.values() for image in images])
    pixels = pixels[np.isfinite(pixels)]
    top = float(np.percentile(pixels, 99.9)) or float(pixels.max()) or 1.0  # a bright speck does not darken the rest
    figure = Figure(figsize=(1.75 * len(heads) + 1.5, 1.75 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots(len(rows), len(heads), squeeze=False, sharex=True, sharey=True)
    extent = (-half_width, half_width, -half_width, half_width)
    for row, (kind, images) in enumerate(rows.items()):
        for column, image in enumerate(images):
            a = axes[row, column]
            shown = a.imshow(image, origin="lower", extent=extent, cmap="gray", vmin=0, vmax=top, interpolation="nearest")
            a.set_facecolor("0.85")
            a.tick_params(labelsize=7)
            if row == 0:
                a.set_title(heads[column], fontsize=9)
            if row == len(rows) - 1:
                a.set_xlabel(f"{right} ({length_unit})", fontsize=8)
            if column == 0:
                a.set_ylabel(f"{kind}\n{up} ({length_unit})", fontsize=8)
    bar = figure.colorbar(shown, ax=axes, shrink=0.8, aspect=30, extend="max" if pixels.max() > top else "neither")
    bar.set_label(f"attenuation ({attenuation_unit})", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    if titles is not None:
        figure.suptitle(f"plane {fixed} = {positions[0]:.3g} {length_unit}", fontsize=9)
    figure.savefig(path, dpi=DPI)


@dataclass(frozen=True)
class Row:
    """One quantity on one plane, column by column, with a colour scale of its own."""

    label: str
    axis: int  # that the plane lies across, of a (z, y, x) volume
    position: float  # along it
    images: Sequence[np.ndarray]  # [v, u], v upwards; NaN is grey
    scale: str  # label of the colour bar
    limits: tuple[float, float]
    colours: str = "gray"
    arrows: Sequence[np.ndarray] | None = None  # [A, 4] for each image: place and vector (right, up); drawn to the length of the longest


def maps(path: Path, rows: Sequence[Row], titles: Sequence[str], *, half_width: float, length_unit: str) -> None:
    """Rows of images under common titles. Rows with the same scale share one colour bar. half_width: of the box, in length_unit as the positions."""
    figure = Figure(figsize=(2.1 * len(titles) + 1.5, 2.1 * len(rows) + 0.5), layout="constrained")
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    extent = (-half_width, half_width, -half_width, half_width)
    longest = max((float(np.hypot(*a[:, 2:].T).max()) for row in rows for a in row.arrows or () if len(a)), default=0.0)
    one_scale = len({(row.scale, row.limits, row.colours) for row in rows}) == 1
    for index, row in enumerate(rows):
        fixed, right, up = PLANE_AXES[row.axis]
        for column, image in enumerate(row.images):
            a = axes[index, column]
            shown = a.imshow(
                image, origin="lower", extent=extent, cmap=row.colours, vmin=row.limits[0], vmax=row.limits[1], interpolation="nearest"
            )
            a.set_facecolor("0.85")
            if row.arrows is not None and longest > 0:
                x, y, u, v = row.arrows[column].T
                a.quiver(x, y, u, v, angles="xy", scale_units="xy", scale=longest / (ARROW * half_width), width=0.006)
            a.set(xlim=extent[:2], ylim=extent[2:])
            a.xaxis.set_major_locator(MaxNLocator(4))
            a.yaxis.set_major_locator(MaxNLocator(4))
            continued = index + 1 < len(rows) and rows[index + 1].axis == row.axis
            a.tick_params(labelsize=7, labelbottom=not continued, labelleft=column == 0)
            if not continued:
                a.set_xlabel(f"{right} ({length_unit})", fontsize=8)
            if index == 0:
                a.set_title(titles[column], fontsize=9)
        axes[index, 0].set_ylabel(f"{row.label}\nplane {fixed} = {row.position:.3g}\n{up} ({length_unit})", fontsize=8)
        if not one_scale:
            _bar(figure, shown, axes[index], [row], aspect=18)
    if one_scale:
        _bar(figure, shown, axes, rows, aspect=30)
    figure.savefig(path, dpi=DPI)


def _bar(figure: Figure, shown: AxesImage, axes: np.ndarray, rows: Sequence[Row], aspect: int) -> None:
    """A colour bar, pointed where an image goes beyond it."""
    low, high = rows[0].limits
    beyond = (any(np.nanmin(i) < low for row in rows for i in row.images), any(np.nanmax(i) > high for row in rows for i in row.images))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[beyond]
    bar = figure.colorbar(shown, ax=axes, shrink=0.85, aspect=aspect, extend=extend)
    bar.set_label(rows[0].scale, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def correlation_over_time(path: Path, times: Sequence[float], curves: dict[str, Sequence[float]], *, time_label: str) -> None:
    """Normalized correlation of each kind, and self-correlation; NaN leaves a gap. curves: keys of STYLES."""
    figure = Figure(figsize=(5, 3.7), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        label = name if name == BETWEEN_SCANS else f"{name} against truth"
        axes.plot(times, values, label=label, markersize=4.5, linewidth=1.3, **STYLES[name])
    axes.set_xlabel(time_label)
    axes.set_ylabel("normalized correlation")
    finite = [v for values in curves.values() for v in values if np.isfinite(v)]
    low = min([*finite, 0.98])
    axes.set_ylim(low - 0.08 * (1 - low), 1 + 0.04 * (1 - low))
    figure.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    _plain(axes)
    figure.savefig(path, dpi=DPI)


def error_over_time(path: Path, times: Sequence[float], curves: dict[str, Sequence[float]], *, time_label: str, unit: str) -> None:
    """Mean squared error of the attenuation of each kind, and mismatch of forward and backward; NaN leaves a gap. curves: keys of STYLES."""
    figure = Figure(figsize=(5, 3.7), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        label = "mismatch of forward and backward" if name == BETWEEN_SCANS else f"{name} against truth"
        axes.plot(times, values, label=label, markersize=4.5, linewidth=1.3, **STYLES[name])
    axes.set_xlabel(time_label)
    axes.set_ylabel(f"mean squared difference\nof attenuation ({unit})")
    axes.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    _plain(axes)
    figure.savefig(path, dpi=DPI)


def held_out(path: Path, comparisons: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> None:
    """Each row a held-out projection: predicted, measured, difference. comparisons: (title, predicted, measured), [h, w] transmission."""
    height, width = comparisons[0][1].shape
    figure = Figure(figsize=(7.4, 2.25 * min(height / width, 2) * len(comparisons) + 1.0), layout="constrained")
    axes = figure.subplots(len(comparisons), 3, squeeze=False)
    limit = max(float(np.percentile(np.abs(p - m), 99.9)) for _, p, m in comparisons) or 1.0
    for row, (title, predicted, measured) in enumerate(comparisons):
        for column, image in enumerate((predicted, measured)):
            shown = axes[row, column].imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        difference = axes[row, 2].imshow(predicted - measured, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
        axes[row, 0].set_ylabel(f"{title}\nrow (pixel)", fontsize=8, parse_math=False)
        for a in axes[row]:
            a.tick_params(labelsize=7)
    for a, title in zip(axes[0], ("predicted", "measured", "predicted - measured"), strict=True):
        a.set_title(title, fontsize=9)
    for a in axes[-1]:
        a.set_xlabel("column (pixel)", fontsize=8)
    for image, where, label in ((shown, axes[:, :2], "transmission"), (difference, axes[:, 2], "difference of transmission")):
        bar = figure.colorbar(image, ax=where, location="bottom", shrink=0.6 if where.ndim > 1 else 0.9, aspect=25)
        bar.locator = MaxNLocator(4)
        bar.set_label(label, fontsize=8)
        bar.ax.tick_params(labelsize=7)
    figure.savefig(path, dpi=DPI)


def training_curves(path: Path, histories: dict[str, dict]) -> None:
    """Loss and held-out PSNR of the training stages.

    histories: the content of each stage's history.json by its title; titles of
    one first word ("canonical forward", "velocity 6") share a column. Velocity
    levels, each started from the one before, follow each other along the steps.
    """
    groups: dict[str, dict[str, dict]] = {}
    for title, history in histories.items():
        group, _, rest = title.partition(" ")
        groups.setdefault(group, {})[rest or group] = history
    figure = Figure(figsize=(3.4 * len(groups) + 0.4, 4.6), layout="constrained")
    axes = figure.subplots(2, len(groups), squeeze=False, sharex="col")
    for column, (group, members) in enumerate(groups.items()):
        loss, quality = axes[:, column]
        first = 0
        for (name, history), color in zip(members.items(), COLOURS * (1 + len(members) // len(COLOURS)), strict=False):
            steps = np.asarray(history["step"]) + first
            loss.plot(steps, history["loss"], color=color, linewidth=1, label=name, marker="o" if len(steps) == 1 else "", markersize=3)
            if points := history.get("held_out_psnr"):
                quality.plot(
                    [step + first for step, _ in points], [value for _, value in points], color=color, marker="o", markersize=3, linewidth=1
                )
            if group == "velocity" and len(steps):
                first = int(steps[-1]) + 1
        loss.set_yscale("log")
        loss.set_title(group + (" (control points per axis)" if group == "velocity" else ""), fontsize=9)
        if len(members) > 1:
            loss.legend(fontsize=7, frameon=False)
        for a in (loss, quality):
            a.tick_params(labelsize=7, which="both", labelbottom=True)
            _plain(a)
        quality.set_xlabel("step", fontsize=8)
        if not quality.lines:
            quality.set_axis_off()
            loss.set_xlabel("step", fontsize=8)
    axes[0, 0].set_ylabel("loss", fontsize=8)
    axes[1, 0].set_ylabel("held-out PSNR (dB)", fontsize=8)
    figure.savefig(path, dpi=DPI)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
