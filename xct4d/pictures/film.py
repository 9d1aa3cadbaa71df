"""Films: images over time with colour bar, scale bar and time, as MP4, GIF or single pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from PIL import Image

from xct4d.errors import InputError

PER_SECOND = 12  # images
SUFFIXES = (".mp4", ".gif")
BAR = 0.25  # of the image's width: the longest scale bar
INCHES, DPI = (5.6, 4.8), 100  # 560 x 480 pixels: multiples of 16, which MP4 wants


@dataclass(frozen=True)
class Look:
    """How the images of a film are drawn."""

    half_width: float  # of the image, in `length_unit`
    length_unit: str
    right_up: tuple[str, str]  # names of the axes
    label: str  # of the colour bar
    colour_map: str
    limits: tuple[float, float]
    title: str


def write_film(path: Path, images: Sequence[np.ndarray], captions: Sequence[str], look: Look) -> None:
    """Write images [v, u] over time into a file, .mp4 or .gif. captions: of each, such as its time. Raises InputError for another suffix."""
    frames = _drawn(images, captions, look)
    if path.suffix == ".gif":
        first, *others = [Image.fromarray(frame).convert("P", palette=Image.Palette.ADAPTIVE) for frame in frames]
        first.save(path, save_all=True, append_images=others, duration=1000 // PER_SECOND, loop=0)
    elif path.suffix == ".mp4":
        with imageio.get_writer(path, format="FFMPEG", fps=PER_SECOND, codec="libx264", quality=8, macro_block_size=16) as film:
            for frame in frames:
                film.append_data(frame)
    else:
        raise InputError("is no film", where=path, fix=f"let its name end in {' or '.join(SUFFIXES)}")


def _drawn(images: Sequence[np.ndarray], captions: Sequence[str], look: Look) -> list[np.ndarray]:
    """Pictures [height, width, 3] uint8."""
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    half = look.half_width
    colours = colormaps[look.colour_map].with_extremes(bad="0.85")
    shown = axes.imshow(
        images[0], cmap=colours, vmin=look.limits[0], vmax=look.limits[1], origin="lower", extent=(-half, half, -half, half)
    )
    figure.colorbar(shown, ax=axes, label=look.label, shrink=0.9)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f"{look.right_up[0]} →")
    axes.set_ylabel(f"{look.right_up[1]} →")
    axes.set_title(look.title, fontsize="medium")
    _draw_scale_bar(axes, look)
    caption = axes.text(0.03, 0.965, "", transform=axes.transAxes, va="top", bbox=_PLATE)
    frames = []
    for image, text in zip(images, captions, strict=True):
        shown.set_data(image)
        caption.set_text(text)
        canvas.draw()
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return frames


_PLATE = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 2.5}


def _draw_scale_bar(axes: Axes, look: Look) -> None:
    """A bar of a round length on a plate that is seen on every colour."""
    length = round_length(2 * look.half_width * BAR)
    bar = AnchoredSizeBar(
        axes.transData, length, f"{length:g} {look.length_unit}", "lower right", pad=0.3, borderpad=0.6, sep=3, size_vertical=0.015 * look.half_width
    )  # fmt: skip
    bar.patch.set(facecolor="white", alpha=0.75, edgecolor="none")
    axes.add_artist(bar)


def round_length(longest: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9))
