"""The exported volumes seen from outside: projections along the axes, and voxels that the page itself turns and draws."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu
from skimage.transform import resize_local_mean

from xct4d.geometry.planes import PLANE_AXES
from xct4d.io.ome_zarr import Volume, open_volume
from xct4d.progress import track
from xct4d.report.films import ColourScale, Film, Panel, View, encoded, largest, painted
from xct4d.report.words import lengths
from xct4d.units import Scale

SIDE = 80  # voxels along the longest axis, at most: 21 times take some 5 MB, where they are full of noise 7
DENSEST = 99.99  # percentile of the attenuation that is drawn brightest
QUALITY = 50  # of the voxels' images


@dataclass(frozen=True)
class VolumeView:
    """Voxels at each time as one image: the slices across z, row by row, in `columns` columns; rows run along y, columns along x."""

    shape: tuple[int, int, int]  # voxels along z, y, x
    size: tuple[float, float, float]  # of the volume along z, y, x, in widths of the longest side
    columns: int
    surface: float  # attenuation at which the surface lies, as part of the brightest
    images: Sequence[str]  # data URIs


def volume_views(volumes: Mapping[float, Path], scale: Scale) -> tuple[VolumeView, Film]:
    """Voxels to turn, and maximum projections along z, y and x, of the exported volume of each time."""
    values, widths = [], (1.0, 1.0, 1.0)
    with track("report: volumes", len(volumes)) as progress:
        for path in volumes.values():
            volume = coarse(path)
            widths = tuple(float(len(axis) * (axis[1] - axis[0])) for axis in volume.coordinates)
            values.append(_at_most(volume[:]))
            progress.advance()
    unit = open_volume(next(iter(volumes.values()))).unit
    top = largest(values, DENSEST)
    panels, colours = [], ColourScale(f"largest attenuation along the line of sight ({unit})", 0.0, top)
    for axis, (along, right, up) in PLANE_AXES.items():
        view = View(axis, widths[2] if right == "x" else widths[1], lengths(scale))
        images = painted([volume.max(axis=axis) for volume in values], colours)
        panels.append(Panel(f"along {along}", f"maximum projection along {along}, {right} to the right, {up} up", view, images))
    caption = "Maximum projection: each pixel is the largest attenuation along its line of sight through the whole exported volume."
    film = Film("maxima", "Maximum projections", caption, 3, [colours], panels)
    return _voxels(values, widths, top), film


def coarse(path: Path) -> Volume:
    """The coarsest level of an exported volume with at least SIDE voxels along its longest axis, else its finest."""
    level, volume = 0, open_volume(path)
    while (path / str(level + 1)).is_dir():
        coarser = open_volume(path, level + 1)
        if max(coarser.shape) < SIDE:
            break
        level, volume = level + 1, coarser
    return volume


def _at_most(values: np.ndarray) -> np.ndarray:
    """The volume, where an axis has more than SIDE voxels averaged to fewer."""
    factor = min(1.0, SIDE / max(values.shape))
    return values if factor == 1 else resize_local_mean(values, [max(round(n * factor), 1) for n in values.shape])


def _voxels(values: Sequence[np.ndarray], widths: Sequence[float], top: float) -> VolumeView:
    depth, height, width = values[0].shape
    columns = math.ceil(math.sqrt(depth))
    rows = math.ceil(depth / columns)
    images = []
    for volume in values:
        padded = np.zeros((rows * columns, height, width), np.uint8)
        padded[:depth] = np.clip(volume / top * 255, 0, 255).round()
        tiled = padded.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)
        images.append(encoded(tiled, quality=QUALITY))
    surface = float(threshold_otsu(np.clip(values[0], 0, top)) / top) if np.ptp(values[0]) > 0 else 0.5
    return VolumeView((depth, height, width), tuple(own / max(widths) for own in widths), columns, surface, images)
