"""Attenuation volumes of any program as OME-Zarr (0.4 or 0.5), read as voxels over the box [-1, 1]^3.

This program's own say their unit; the numbers of others are taken as they are,
attenuation per world unit, and their axes by name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xct4d.errors import InputError
from xct4d.geometry.box import voxel_centres
from xct4d.io.ome_zarr import open_volume
from xct4d.quantities import ATTENUATION


@dataclass(frozen=True)
class OmeVoxels:
    """A volume's group, of which no voxel was read yet."""

    path: Path
    array: Any  # indexed as the array of the finest level
    axes: tuple[str, ...]  # of the array, in its order; all but z, y and x have one entry

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        return tuple(int(self.array.shape[self.axes.index(axis)]) for axis in "zyx")

    def read(self) -> np.ndarray:
        """The volume [z, y, x] float32, per world unit. Raises InputError where a chunk is damaged, or it holds NaN."""
        try:
            stored = np.asarray(self.array[tuple(slice(None) if axis in "zyx" else 0 for axis in self.axes)])
        except (ValueError, OSError, RuntimeError) as error:  # a chunk that is cut short or fails its checksum
            raise InputError(f"cannot be read ({error})", where=self.path, fix="copy it again") from None
        order = [axis for axis in self.axes if axis in "zyx"]
        volume = np.ascontiguousarray(stored.transpose([order.index(axis) for axis in "zyx"]), np.float32)
        if not np.isfinite(volume).all():
            raise InputError("holds NaN or infinite voxels", where=self.path)
        return volume


def open_ome_voxels(path: Path) -> OmeVoxels:
    """The finest level of the first image of a group, not yet read.

    Raises InputError where the path is no OME-Zarr image, the image is no
    volume of numbers, or a volume of this program is not attenuation over the box.
    """
    if not path.is_dir():
        raise InputError("there is no such volume", where=path, fix="check the path, and that what makes it has run")
    try:
        group = zarr.open_group(str(path), mode="r")
        attributes = dict(group.attrs)
        multiscale = attributes.get("ome", attributes)["multiscales"][0]
        array = group[multiscale["datasets"][0]["path"]]
        named = [axis if isinstance(axis, str) else axis["name"] for axis in multiscale["axes"]]
        if len(named) != len(array.shape) or array.dtype.kind not in "fiub":
            raise ValueError(f"an array of {array.dtype} with axes {', '.join(named)}")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"is not an OME-Zarr image ({error})", where=path, fix="give a volume as .zarr, .npy, .npz or .raw") from None
    others = [f"{axis} ({size})" for axis, size in zip(named, array.shape, strict=True) if axis not in ("z", "y", "x") and size > 1]
    if not {"z", "y", "x"} <= set(named) or others:
        what = f"has the axes {', '.join(named)}" + (f" with several entries along {', '.join(others)}" if others else "")
        raise InputError(what, where=path, fix="give one volume with the axes z, y, x")
    if "xct4d" not in attributes:
        found = OmeVoxels(path, array, tuple(named))
        if min(found.shape) < 2:
            raise InputError(f"has shape {found.shape}", where=path, fix="give at least 2 voxels per axis")
        return found
    own = open_volume(path).in_world_units()
    if own.quantity != ATTENUATION:
        raise InputError(f"holds {own.quantity.name}, not attenuation", where=path)
    if not all(np.allclose(axis, voxel_centres(n)) for axis, n in zip(own.coordinates, own.shape, strict=True)):
        raise InputError("holds a region of the box alone", where=path, fix="export it without export.region")
    return OmeVoxels(path, own, ("z", "y", "x"))
