"""Films: images of the same plane at several times, between which the page's slider chooses."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from PIL import Image

from xct4d.geometry.planes import PLANE_AXES
from xct4d.report.planes import Planes
from xct4d.report.words import lengths
from xct4d.units import LENGTH, Scale

NOTHING = 217  # grey of a place that has no value
QUALITY = 80  # of lossy WebP: no visible trace at the size of a panel
STOPS = 12  # of a colour bar
BAR = 0.25  # longest scale bar, in widths of the image


@dataclass(frozen=True)
class ColourScale:
    """What the colours of images mean."""

    label: str  # quantity and unit
    low: float
    high: float
    colours: str = "gray"  # name in matplotlib

    def paint(self, image: np.ndarray) -> np.ndarray:
        """Image [v, u], v upwards, as pixels [row, column, RGB] uint8; NaN is grey."""
        known = np.isfinite(image)
        part = (np.where(known, image, self.low) - self.low) / (self.high - self.low)
        pixels = matplotlib.colormaps[self.colours](np.clip(part, 0, 1), bytes=True)[..., :3]
        pixels[~known] = NOTHING
        return pixels[::-1]

    @property
    def stops(self) -> list[str]:
        """Colours of the bar from low to high, for CSS."""
        return [matplotlib.colors.to_hex(colour) for colour in matplotlib.colormaps[self.colours](np.linspace(0, 1, STOPS))]


@dataclass(frozen=True)
class View:
    """Where an image lies: the axis that it lies across, of a (z, y, x) volume, and its width from edge to edge."""

    axis: int
    width: float
    unit: str
    position: str = ""  # of a plane along that axis

    @property
    def right(self) -> str:
        return PLANE_AXES[self.axis][1]

    @property
    def up(self) -> str:
        return PLANE_AXES[self.axis][2]

    @property
    def bar(self) -> float:
        """Length of the scale bar: 1, 2 or 5 times a power of ten."""
        power = 10.0 ** math.floor(math.log10(self.width * BAR))
        return max(step * power for step in (1, 2, 5) if step * power <= self.width * BAR)


@dataclass(frozen=True)
class Panel:
    """One place on the page, with an image for each time."""

    label: str
    alt: str
    view: View
    images: Sequence[str]  # data URIs


@dataclass(frozen=True)
class Film:
    """Panels, row by row, that show the same time."""

    name: str
    title: str
    caption: str
    columns: int
    scales: Sequence[ColourScale]
    panels: Sequence[Panel]
    light: bool = False  # whether most of the images is light


def plane_view(plane: Planes, scale: Scale) -> View:
    """Where the first of some planes lies, in the figures' unit."""
    world_unit = scale.factor(LENGTH)
    position = f"{PLANE_AXES[plane.axis][0]} = {plane.positions()[0] * world_unit:.3g}"
    return View(plane.axis, 2 * world_unit, lengths(scale), f"{position} {lengths(scale)}")


def panel(name: str, view: View, images: Sequence[str]) -> Panel:
    """A panel of what `name` says, on a plane."""
    return Panel(f"{name}, {view.position}", f"{name} on the plane {view.position}, {view.right} to the right, {view.up} up", view, images)


def encoded(pixels: np.ndarray, *, quality: int = QUALITY) -> str:
    """Pixels [row, column] or [row, column, RGB] uint8 as the data URI of a lossy WebP image."""
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(target, "WEBP", quality=quality, method=4)
    return f"data:image/webp;base64,{base64.b64encode(target.getvalue()).decode()}"


def painted(images: Sequence[np.ndarray], scale: ColourScale) -> list[str]:
    """Images [v, u] of a quantity, as data URIs."""
    return [encoded(scale.paint(image)) for image in images]


def largest(images: Sequence[np.ndarray], percentile: float = 99.5) -> float:
    """Limit of a colour scale: few values are beyond it. 1 where nothing differs from zero."""
    values = np.abs(np.concatenate([image[np.isfinite(image)].ravel() for image in images]))
    return (float(np.percentile(values, percentile)) or float(values.max())) if values.any() else 1.0
