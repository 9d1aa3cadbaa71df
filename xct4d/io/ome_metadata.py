"""What OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5) wants to know of a volume: axes, transformations, channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from xct4d.quantities import Quantity
from xct4d.units import LENGTH, Scale

SPACE = ("z", "y", "x")


def dimension_names(quantity: Quantity) -> tuple[str, ...]:
    """Axes of a volume's arrays: z, y, x; before them c, one entry per component, for vectors and tensors."""
    return ("c", *SPACE) if quantity.components else SPACE


def ome_attributes(
    *,
    name: str,
    quantity: Quantity,
    scale: Scale,
    shape: tuple[int, int, int],
    faces: Sequence[tuple[float, float]],
    levels: int,
    window: tuple[float, float],
) -> dict[str, Any]:
    """The group's attribute `ome`: one image.

    name: under which viewers list it. shape: voxels along z, y, x of the finest
    level, which lie between `faces`, in world units; each coarser one averages 2 x 2 x 2 voxels of the one before. window:
    the stored values that viewers show as the darkest and the brightest.
    """
    unit = {} if scale.ome_length is None else {"unit": scale.ome_length}
    axes = [{"name": "c", "type": "channel"}] if quantity.components else []
    axes += [{"name": axis, "type": "space"} | unit for axis in SPACE]
    how = {"description": "each level averages 2 x 2 x 2 voxels of the finer one", "method": "numpy.mean", "version": np.__version__}
    datasets = [{"path": str(level), "coordinateTransformations": _placed(quantity, scale, shape, faces, level)} for level in range(levels)]
    scales = {"name": name, "type": "mean", "metadata": how, "axes": axes, "datasets": datasets}
    low, high = window
    shown = {"min": low, "max": high, "start": low, "end": high}
    channels = [
        {"label": label, "color": colour, "family": "linear", "active": True, "window": shown} for label, colour in quantity.channels
    ]
    return {"version": "0.5", "multiscales": [scales], "omero": {"channels": channels}}


def _placed(
    quantity: Quantity, scale: Scale, shape: tuple[int, int, int], faces: Sequence[tuple[float, float]], level: int
) -> list[dict[str, Any]]:
    """Size of a level's voxels and the centre of its first one."""
    world_unit = scale.factor(LENGTH)
    size = [(high - low) * world_unit / n * 2**level for n, (low, high) in zip(shape, faces, strict=True)]
    first = [low * world_unit + step / 2 for step, (low, _) in zip(size, faces, strict=True)]
    channel = bool(quantity.components)
    return [{"type": "scale", "scale": [1.0] * channel + size}, {"type": "translation", "translation": [0.0] * channel + first}]
