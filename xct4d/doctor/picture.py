"""A picture by which a person can judge the geometry: what is sharp is right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter
from scipy.ndimage import rotate

from xct4d.doctor.consistency import Pairs
from xct4d.doctor.diagnosis import Diagnosis
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.hypothesis import Hypothesis
from xct4d.doctor.judge import reconstruct, widened
from xct4d.doctor.search import MIDDLE, ROUGH, WIDEST, score
from xct4d.selection import evenly_spaced

VOXELS, ACROSS, VIEWS = 96, 128, 36  # per axis of the reconstructions; pixels across and number of the views that they are made of, at most
LEVEL = (
    1e-6  # vertical part of a camera's rows and of its optical axis, from which projections take long: then half as many voxels and views
)
LETTERS, MOST_LINES = 110, 7  # of the title
FLAT = 8  # rows: of images with fewer, the rows of all views are shown
POINTS = 25  # of a curve
AS_IS, MIRRORED = "#0072B2", "#D55E00"  # Okabe and Ito (2008)


def draw(path: Path, found: Diagnosis, evidence: Evidence, title: str) -> None:
    """Two projections, the curves of the score, and slices of two quick reconstructions: as the files say, and by the best hypothesis.

    Where the files are right, the second shows what mirrored images would give.
    """
    by_pairs = found.method == "pairwise consistency"
    right = found.best == Hypothesis()
    other = Hypothesis(mirror=True) if right and by_pairs else found.best
    shown = [("as the files say", Hypothesis())]
    if other != Hypothesis():
        shown.append(("mirrored, for comparison" if right else "with the corrections above", other))
    columns = 1 + by_pairs + len(shown)
    figure = Figure(figsize=(3.4 * columns, 7.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, columns)
    _projections(axes[:, 0], evidence)
    if by_pairs:
        _curves(axes[:, 1], evidence, found.best)
    for column, (name, hypothesis) in enumerate(shown, 1 + by_pairs):
        _slices(axes[:, column], hypothesis, evidence, name)
    figure.suptitle("\n".join([title, *_short(found)]), fontsize=9, parse_math=False)
    figure.savefig(path, dpi=100)


def _short(found: Diagnosis) -> list[str]:
    lines = [part for line in found.lines() if not line.startswith("cannot be told") for part in wrap(line, LETTERS)]
    return lines[:MOST_LINES]


def _projections(axes: np.ndarray, evidence: Evidence) -> None:
    """Two views; of images with few rows, one row of all views."""
    height = evidence.images.shape[1]
    if height < FLAT:
        for axis, row in zip(axes, (height // 2, height - 1), strict=True):
            axis.imshow(evidence.images[:, row], cmap="gray_r", vmin=0, vmax=evidence.strongest, aspect="auto")
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"row {row} of all views: line integrals", fontsize=8)
        return
    for axis, view in zip(axes, (0, len(evidence) // 4), strict=True):
        axis.imshow(evidence.images[view], cmap="gray_r", vmin=0, vmax=evidence.strongest)
        axis.set(xticks=[], yticks=[])
        axis.set_title(f"view {view}: line integrals", fontsize=8)


def _curves(axes: np.ndarray, evidence: Evidence, best: Hypothesis) -> None:
    """The score over the shift of the axis and over the focal factor, all else as in the best hypothesis."""
    middle = evidence.binned(round(max(evidence.images.shape[1:]) / MIDDLE))
    width = evidence.images.shape[2] * evidence.factor[0]
    pairs = Pairs.of(middle, *ROUGH)
    shifts = best.axis_shift_px + np.linspace(-WIDEST, WIDEST, POINTS) * width
    factors = best.focal_factor * 2 ** np.linspace(-1.2, 1.2, POINTS)
    for axis, key, values, label in (
        (axes[0], "axis_shift_px", shifts, "axis to the right, pixels"), (axes[1], "focal_factor", factors, "focal length over the files'"),
    ):  # fmt: skip
        for mirror, colour, style, name in ((False, AS_IS, "-", "columns as they are"), (True, MIRRORED, "--", "columns mirrored")):
            tried = [replace(best, mirror=mirror, **{key: float(value)}) for value in values]
            axis.plot(values, [score(one.applied(middle), pairs) for one in tried], color=colour, linestyle=style, label=name)
        axis.axvline(getattr(Hypothesis(), key), color="gray", linewidth=0.8, linestyle=":", label="the files")
        axis.set_yscale("log")
        axis.set_xlabel(label, fontsize=8)
        axis.set_ylabel("disagreement of views", fontsize=8)
        axis.tick_params(which="both", labelsize=7)
    axes[1].set_xscale("log", base=2)
    axes[1].xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes[0].legend(fontsize=7)


def _slices(axes: np.ndarray, hypothesis: Hypothesis, evidence: Evidence, name: str) -> None:
    """A horizontal and a vertical slice of a quick reconstruction under a hypothesis."""
    arranged = replace(hypothesis, roll_deg=0.0).applied(evidence)
    if hypothesis.roll_deg:  # images turned, so that cameras stay level, which is faster
        turned = rotate(arranged.images, hypothesis.roll_deg, axes=(1, 2), reshape=False, order=1)
        arranged = replace(arranged, images=turned.astype(np.float32))
    is_level = bool(np.abs(arranged.views.camera_to_world[:, 2, [0, 2]]).max() < LEVEL)
    views, voxels = (VIEWS, VOXELS) if is_level else (VIEWS // 2, VOXELS // 2)
    some = arranged.some(np.array(evenly_spaced(len(arranged), views))).binned(-(-arranged.images.shape[2] // ACROSS))
    volume = reconstruct(widened(some), voxels).permute(2, 0, 1).numpy()  # (z, y, x)
    z, y = int(volume.var(axis=(1, 2)).argmax()), int(volume.var(axis=(0, 2)).argmax())
    top = float(np.quantile(volume[volume > 0], 0.995)) if (volume > 0).any() else 1.0
    _slice(axes[0], volume[z], top, f"{name}: horizontal")
    _slice(axes[1], volume[:, y], top, f"{name}: vertical")


def _slice(axis: Axes, image: np.ndarray, top: float, title: str) -> None:
    axis.imshow(image, cmap="gray", vmin=0, vmax=top, origin="lower")
    axis.set(xticks=[], yticks=[])
    axis.set_title(title, fontsize=8)
