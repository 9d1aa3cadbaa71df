"""A picture of some prepared projections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from xct4d.io.prepared import Frames
from xct4d.selection import evenly_spaced

SHOWN = 12  # projections
COLOURS = colormaps["gray"].with_extremes(bad="tab:orange")  # what a mask leaves out


def draw_preview(path: Path, frames: Frames, title: str) -> None:
    """Draw at most SHOWN projections, evenly spaced in the list, from transmission 0 (black) to 1 (white); what a mask leaves out is orange."""
    chosen = evenly_spaced(len(frames), SHOWN)
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = Figure(figsize=(2.4 * columns, 2.7 * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    time = frames.frame_time()
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    for axis, f in zip(axes, chosen, strict=False):
        axis.set(xticks=[], yticks=[])
        image, mask = frames.image(f), frames.mask(f)
        shown = axis.imshow(image if mask is None else np.where(mask, image, np.nan), cmap=COLOURS, vmin=0, vmax=1)
        axis.set_title(f"{frames.name[f]}\nt = {time[f]:.3g}" + (", held out" if frames.held_out[f] else ""), fontsize=7, parse_math=False)
    figure.colorbar(shown, ax=axes.tolist(), shrink=0.5, label="transmission")
    figure.suptitle(title, fontsize=10, parse_math=False)
    figure.savefig(path, dpi=110)
