"""Volumes of one quantity at one time as OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5), zarr format 3.

Axes are z, y, x; vectors and tensors have a channel axis c before them, one
entry per component. The group's attribute `ome` holds what viewers read,
`xct4d` what makes the stored numbers a quantity again: its name, its unit and,
for whole numbers, the window. This module reads them; xct4d.io.ome_writer
writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xct4d.errors import InputError
from xct4d.io.digests import ATTRIBUTE, check_folder, check_listing
from xct4d.io.ome_metadata import dimension_names
from xct4d.quantities import Quantity, labelled
from xct4d.units import LENGTH, WORLD, Scale

DTYPES = ("float32", "float16", "uint8", "uint16")


class Volume:
    """An open volume, read where it is indexed: `volume[z0:z1, y0:y1, x0:x1]`, with the component first where there are any.

    Values are float32 in `unit`: as stored, or in world units and time units.
    Reading raises InputError where a chunk is damaged.
    """

    def __init__(
        self, path: Path, array: zarr.Array, attributes: dict[str, Any], placed: list[dict[str, Any]], *, in_world_units: bool = False
    ):
        """path: of the group. placed: the OME-Zarr transformations of this array, a scale and a translation."""
        self.path = path
        self.shape: tuple[int, ...] = array.shape  # [z, y, x] or [component, z, y, x]
        self.attributes = attributes
        self._array, self._placed, self._in_world_units = array, placed, in_world_units
        self._scale = Scale(attributes["unit_mm"], attributes.get("duration_s"))

    def __getitem__(self, where) -> np.ndarray:
        try:
            values = np.asarray(self._array[where])
        except ValueError as error:  # a chunk's checksum
            check_folder(self.path)
            raise InputError(f"cannot be read ({error})", where=self.path, fix="delete it and export again") from None
        if self._array.dtype.kind != "u":
            values = values.astype(np.float32)
        else:
            low, high = self.attributes["window"]
            step = (high - low) / np.iinfo(self._array.dtype).max
            values = (low + values * step).astype(np.float32)
        return values * np.float32(self._scale.factor(self.quantity.dimension.inverse)) if self._in_world_units else values

    @property
    def quantity(self) -> Quantity:
        return labelled(self.attributes["quantity"])

    @property
    def unit(self) -> str:
        """Name of the values' unit, such as "1/mm"."""
        return self.quantity.unit(WORLD if self._in_world_units else self._scale)

    @property
    def unit_of_length(self) -> str:
        """Name of the unit of `coordinates`: "mm" or "world unit"."""
        return (WORLD if self._in_world_units else self._scale).length_unit

    @property
    def coordinates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centres of the voxels along z, y and x: float64 in mm, or in world units if the values are or the size of one is unknown."""
        size, first = (np.array(self._placed[i][key][-3:]) for i, key in enumerate(("scale", "translation")))
        world_unit = self._scale.factor(LENGTH) if self._in_world_units else 1.0
        return tuple((first[i] + size[i] * np.arange(n)) / world_unit for i, n in enumerate(self.shape[-3:]))

    def in_world_units(self) -> Volume:
        """The same volume with lengths in world units and times in time units."""
        return Volume(self.path, self._array, self.attributes, self._placed, in_world_units=True)


def open_volume(path: str | Path, level: int = 0) -> Volume:
    """Open a volume that VolumeWriter wrote; level 0 is the finest. Raises InputError where it is not one or has no such level."""
    path = Path(path)
    fix = "delete it and export again"
    check_listing(path)
    if not (path / "zarr.json").is_file():
        raise InputError("is not a Zarr volume (no zarr.json)", where=path, fix=fix)
    try:
        group = zarr.open_group(str(path), mode="r", zarr_format=3)
        attributes = {key: value for key, value in group.attrs["xct4d"].items() if key != ATTRIBUTE}
        datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
        if not 0 <= level < len(datasets):
            raise InputError(f"has no level {level}", where=path, fix=f"its levels are 0 (the finest) to {len(datasets) - 1}")
        dataset = datasets[level]
        array = group[dataset["path"]]
        quantity = labelled(attributes["quantity"])
        if not isinstance(array, zarr.Array) or array.ndim != len(dimension_names(quantity)) or str(array.dtype) not in DTYPES:
            raise ValueError("its array is not a volume")
        if array.dtype.kind == "u":
            low, high = (float(v) for v in attributes["window"])
            if not low < high:
                raise ValueError("its window does not rise")
        volume = Volume(path, array, attributes, dataset["coordinateTransformations"])
        if attributes["unit"] != volume.unit:
            raise ValueError(f"its unit is {attributes['unit']}")
    except (KeyError, IndexError, TypeError, ValueError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"is not a volume of this program ({type(error).__name__}: {error})", where=path, fix=fix) from None
    return volume
