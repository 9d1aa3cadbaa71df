"""Volumes of one quantity at one time as OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5), zarr format 3.

Axes are z, y, x; vectors and tensors have a channel axis c before them, one
entry per component. The group's attribute `ome` holds what viewers read,
`xct4d` what makes the stored numbers a quantity again: its name, its unit and,
for whole numbers, the window.
"""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from xct4d.errors import InputError
from xct4d.io.atomic import atomic_folder
from xct4d.io.digests import check_folder, check_listing
from xct4d.io.ome_metadata import dimension_names, ome_attributes
from xct4d.quantities import Quantity, labelled
from xct4d.units import LENGTH, WORLD, Scale

CHUNK = 64  # voxels per axis: 1 MiB of float32, what a viewer fetches at once
SHARD_FROM = 256  # voxels per axis; beyond, a file per chunk would be many thousand files
COARSER_LEVELS = 2
DTYPES = ("float32", "float16", "uint8", "uint16")
_SCRATCH = "scratch"


class VolumeWriter:
    """Writes a quantity over the box [-1, 1]^3 tile by tile; the volume appears at `path` whole or not at all.

        with VolumeWriter(path, (200, 200, 200), "uint16", quantity=ATTENUATION, scale=Scale(unit_mm=3.4)) as volume:
            volume[0:64, 0:64, 0:64] = attenuation  # float [64, 64, 64], per world unit

    path: folder to become the group. shape: voxels along z, y, x. dtype: one of
    DTYPES. scale: what the dataset says of its units; values and lengths are
    stored in mm and s where it says them, else in world units and time units.
    window: the values (in world units) stored as the lowest and the highest
    whole number of uint8 or uint16; None: 0 (or the minimum, if negative) and
    the maximum of what is written, for which the volume is kept as float32
    inside the temporary folder until the end. chunk: voxels per axis of what is
    compressed together. shard: voxels per axis of one file, a multiple of
    chunk; None: one file per chunk. name: under which viewers list the volume;
    None: that of the folder. attributes: further JSON values for the group's
    attribute `xct4d`.

    Values outside the window are clipped, counted in `clipped` and in the
    attribute `clipped_voxels`. Raises InputError where the path cannot be
    written or the disk is full; ValueError for arguments that contradict each
    other, for infinite values, and for NaN where the quantity has none.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        dtype: str = "float32",
        *,
        quantity: Quantity,
        scale: Scale = WORLD,
        window: tuple[float, float] | None = None,
        chunk: int = CHUNK,
        shard: int | None = None,
        name: str | None = None,
        attributes: dict[str, Any] | None = None,
    ):
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype}")
        if window is not None and not window[0] < window[1]:
            raise ValueError(f"window must rise, not {window}")
        if window is not None and not dtype.startswith("uint"):
            raise ValueError(f"a window is for whole numbers, not {dtype}")
        if quantity.may_be_nan and dtype.startswith("uint"):
            raise ValueError(f"{quantity.name} may be NaN, which {dtype} cannot hold")
        if shard is not None and shard % chunk:
            raise ValueError(f"shard {shard} is not a multiple of chunk {chunk}")
        self.path = Path(path)
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.quantity = quantity
        self.clipped = 0
        self._scale = scale
        self._factor = quantity.factor(scale)
        self._whole = self.dtype.kind == "u"
        self._window = None if window is None else tuple(float(v) * self._factor for v in window)
        self._chunk, self._shard = chunk, shard
        self._name = name or self.path.name.removesuffix(".zarr")
        self._extra = dict(attributes or {})
        self._lowest, self._highest = math.inf, -math.inf
        self._written = False
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(atomic_folder(self.path))
            self._group = zarr.create_group(str(folder), zarr_format=3)
            self._volume = self._array("0", self.shape, self.dtype)
            self._target = self._volume
            if self._whole and self._window is None:
                self._target = self._array(_SCRATCH, self.shape, np.dtype("float32"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure) -> bool | None:
        if failure[0] is not None:
            return self._stack.__exit__(*failure)
        with self._stack:
            self._finish()
        return None

    def __setitem__(self, where, values: np.ndarray) -> None:
        """Store values in world units, [z, y, x] or [component, z, y, x]; `where` are slices along z, y, x.

        Tiles aligned with the chunks (shards) are fastest.
        """
        values = np.asarray(values, np.float32) * np.float32(self._factor)
        known = values[~np.isnan(values)] if self.quantity.may_be_nan else values
        if not np.isfinite(known).all():
            raise ValueError(f"{self.path}: {self.quantity.name} has {'' if self.quantity.may_be_nan else 'NaN or '}infinite values")
        if values.size == 0:
            return
        self._written = True
        if known.size:
            self._lowest, self._highest = min(self._lowest, float(known.min())), max(self._highest, float(known.max()))
        self._target[self._every_component(where)] = values if self._target is not self._volume else self._stored(values)

    def _every_component(self, where) -> tuple:
        """Slices along z, y, x as an index into the arrays."""
        where = where if isinstance(where, tuple) else (where,)
        return (slice(None), *where) if self.quantity.components else where

    def _stored(self, values: np.ndarray) -> np.ndarray:
        """Values in the stored unit as the file's type, counting what the type cannot hold."""
        if self._whole:
            low, high = self._window
            top = np.iinfo(self.dtype).max
            scaled = (values.astype(np.float64) - low) * (top / (high - low))
            # half a step beyond the window still rounds to its end
            self.clipped += int(np.count_nonzero((scaled < -0.5) | (scaled > top + 0.5)))
            return np.rint(np.clip(scaled, 0, top)).astype(self.dtype)
        if self.dtype == np.float16:
            limit = np.float32(np.finfo(np.float16).max)
            self.clipped += int(np.count_nonzero(np.abs(values) > limit))
            values = np.clip(values, -limit, limit)
        return values.astype(self.dtype)

    def _array(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> zarr.Array:
        """An array for voxels along z, y, x; each component of a vector has chunks and shards of its own."""
        shard = self._shard if self._shard is not None and max(shape) > self._chunk else None
        chunks = (self._chunk,) * 3 if shard else tuple(min(self._chunk, n) for n in shape)
        count, one = ((len(self.quantity.components),), (1,)) if self.quantity.components else ((), ())
        return self._group.create_array(
            name, shape=count + shape, dtype=dtype, chunks=one + chunks, shards=one + (shard,) * 3 if shard else None,
            dimension_names=dimension_names(self.quantity), fill_value=0,
            compressors=[BloscCodec(typesize=dtype.itemsize, cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()],
        )  # fmt: skip

    def _finish(self) -> None:
        if not self._written:
            raise ValueError(f"{self.path}: nothing was written")
        if self._target is not self._volume:
            self._window = (min(self._lowest, 0.0), self._highest if self._highest > min(self._lowest, 0.0) else 1.0)
            for where in _tiles(self.shape, self._shard or self._chunk):
                where = self._every_component(where)
                self._volume[where] = self._stored(self._target[where])
            del self._group[_SCRATCH]
        levels = [self._volume]
        while len(levels) <= COARSER_LEVELS and min(levels[-1].shape[-3:]) > 1 and max(levels[-1].shape[-3:]) > self._chunk // 2:
            levels.append(self._halved(levels[-1], str(len(levels))))
        ome = ome_attributes(
            name=self._name, quantity=self.quantity, scale=self._scale, shape=self.shape, levels=len(levels), window=self._shown()
        )  # fmt: skip
        self._group.attrs.put({"ome": ome, "xct4d": self._extra | self._own()})

    def _halved(self, fine: zarr.Array, name: str) -> zarr.Array:
        """Averages of 2 x 2 x 2 voxels (of those that are known); where an odd size leaves a last layer, of those there are."""
        coarse = self._array(name, tuple(-(-n // 2) for n in fine.shape[-3:]), self.dtype)
        for where in _tiles(coarse.shape[-3:], self._shard or self._chunk):
            doubled = tuple(slice(2 * s.start, 2 * s.stop) for s in where)
            block = np.asarray(fine[self._every_component(doubled)], np.float32)
            *count, z, y, x = block.shape
            block = np.pad(block, [(0, 0)] * len(count) + [(0, n % 2) for n in (z, y, x)], mode="edge")
            eighths = block.reshape(*count, (z + 1) // 2, 2, (y + 1) // 2, 2, (x + 1) // 2, 2)
            mean = _known_mean(eighths) if self.quantity.may_be_nan else eighths.mean(axis=(-5, -3, -1))
            coarse[self._every_component(where)] = (np.rint(mean) if self._whole else mean).astype(self.dtype)
        return coarse

    def _shown(self) -> tuple[float, float]:
        """The stored values that viewers show as the darkest and the brightest."""
        if self._whole:
            return 0, int(np.iinfo(self.dtype).max)
        low, high = self._range() or (0.0, 0.0)
        return self.quantity.display.window(low, high)

    def _range(self) -> tuple[float, float] | None:
        """Lowest and highest value in the stored unit; None where all are NaN."""
        return (self._lowest, self._highest) if self._lowest <= self._highest else None

    def _own(self) -> dict[str, Any]:
        quantity, scale = self.quantity, self._scale
        own: dict[str, Any] = {"quantity": quantity.label, "unit": quantity.unit(scale), "unit_mm": scale.unit_mm}
        if quantity.components:
            own["components"] = list(quantity.components)
        if quantity.dimension.time:
            own["duration_s"] = scale.duration_s
        known = self._range()
        return own | {
            "window": None if self._window is None else list(self._window),
            "range": None if known is None else list(known),
            "clipped_voxels": self.clipped,
        }


class Volume:
    """An open volume, read where it is indexed: `volume[z0:z1, y0:y1, x0:x1]`, with the component first where there are any.

    Values are float32 in `unit`: as stored, or in world units and time units.
    Reading raises InputError where a chunk is damaged.
    """

    def __init__(self, path: Path, array: zarr.Array, attributes: dict[str, Any], placed: list[dict[str, Any]], *, in_world_units: bool = False):
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
        attributes = dict(group.attrs["xct4d"])
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


def read_volume(path: str | Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The whole finest level, [z, y, x] or [component, z, y, x] float32 in attributes["unit"], and the attributes.

    Raises InputError where it is not a volume of this program.
    """
    volume = open_volume(path)
    return volume[:], volume.attributes


def shard_of(n: int, tile: int) -> int | None:
    """Voxels per axis of a file of an n^3 volume that is written tile by tile; None: one file per chunk."""
    return tile if n > SHARD_FROM and tile % CHUNK == 0 else None


def _tiles(shape: tuple[int, ...], size: int):
    """Slices that cover an array, in storage order."""
    for corner in product(*(range(0, n, size) for n in shape)):
        yield tuple(slice(start, min(start + size, n)) for start, n in zip(corner, shape, strict=True))


def _known_mean(eighths: np.ndarray) -> np.ndarray:
    """Mean over the axes of length 2 of [..., z, 2, y, 2, x, 2], leaving NaN out; NaN where there is nothing else."""
    known = ~np.isnan(eighths)
    count = known.sum(axis=(-5, -3, -1))
    total = np.where(known, eighths, 0).sum(axis=(-5, -3, -1))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
