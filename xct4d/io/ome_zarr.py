"""Volumes as OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5), zarr format 3.

Axes are z, y, x. `ome` holds what viewers read; `xct4d` holds what makes the
numbers attenuation again: the unit and, for whole numbers, the window.
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
from zarr.codecs import BloscCodec

from xct4d.errors import InputError
from xct4d.io.atomic import atomic_folder

CHUNK = 64  # voxels per axis: 1 MiB of float32, what a viewer fetches at once
COARSER_LEVELS = 2
DTYPES = ("float32", "float16", "uint8", "uint16")
_AXES = ("z", "y", "x")
_SCRATCH = "scratch"


class VolumeWriter:
    """Writes a volume over the box [-1, 1]^3 tile by tile; it appears at `path` whole or not at all.

        with VolumeWriter(path, (200, 200, 200), "uint16", unit_mm=3.4) as volume:
            volume[0:64, 0:64, 0:64] = attenuation  # float, per world unit

    path: folder to become the group. shape: voxels along z, y, x. dtype: one of
    DTYPES. unit_mm: mm per world unit; with it the file holds attenuation per mm
    and lengths in millimetre, else both in world units. window: attenuation (per
    world unit) stored as the lowest and the highest whole number of uint8 or uint16; None: 0 (or
    the minimum, if negative) and the maximum of what is written, for which the
    volume is kept as float32 inside the temporary folder until the end. shard:
    voxels per axis of one file, a multiple of chunk; None: one file per chunk.
    name: under which viewers list it; None: that of the folder.
    attributes: further JSON values for the `xct4d` attributes.

    Values outside the window are clipped, counted in `clipped` and in the
    attribute `clipped_voxels`. Raises InputError where the path cannot be
    written or the disk is full; ValueError for tiles with NaN or infinity.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int, int],
        dtype: str = "float32",
        *,
        unit_mm: float | None = None,
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
        if shard is not None and shard % chunk:
            raise ValueError(f"shard {shard} is not a multiple of chunk {chunk}")
        self.path = Path(path)
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype)
        self.clipped = 0
        self._unit_mm = unit_mm
        self._per_world = 1.0 if unit_mm is None else 1.0 / unit_mm  # factor from per world unit to the stored unit
        self._whole = self.dtype.kind == "u"
        self._window = None if window is None else tuple(float(v) * self._per_world for v in window)
        self._chunk, self._shard = chunk, shard
        self._name = name or self.path.name.removesuffix(".zarr")
        self._extra = dict(attributes or {})
        self._lowest, self._highest = math.inf, -math.inf
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

    def __setitem__(self, where, attenuation: np.ndarray) -> None:
        """Store attenuation per world unit; tiles aligned with the chunks (shards) are fastest."""
        values = np.asarray(attenuation, np.float32) * np.float32(self._per_world)
        if not np.isfinite(values).all():
            raise ValueError(f"{self.path}: attenuation has NaN or infinite values")
        if values.size == 0:
            return
        self._lowest, self._highest = min(self._lowest, float(values.min())), max(self._highest, float(values.max()))
        self._target[where] = values if self._target is not self._volume else self._stored(values)

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
        shard = self._shard if self._shard is not None and max(shape) > self._chunk else None
        chunks = (self._chunk,) * 3 if shard else tuple(min(self._chunk, n) for n in shape)
        return self._group.create_array(
            name, shape=shape, dtype=dtype, chunks=chunks, shards=(shard,) * 3 if shard else None, dimension_names=_AXES,
            fill_value=0, compressors=BloscCodec(typesize=dtype.itemsize, cname="zstd", clevel=3, shuffle="shuffle"),
        )  # fmt: skip

    def _finish(self) -> None:
        if self._lowest > self._highest:
            raise ValueError(f"{self.path}: nothing was written")
        if self._target is not self._volume:
            self._window = (min(self._lowest, 0.0), self._highest if self._highest > min(self._lowest, 0.0) else 1.0)
            for where in _tiles(self.shape, self._shard or self._chunk):
                self._volume[where] = self._stored(self._target[where])
            del self._group[_SCRATCH]
        levels = [self._volume]
        while len(levels) <= COARSER_LEVELS and min(levels[-1].shape) > 1 and max(levels[-1].shape) > self._chunk // 2:
            levels.append(self._halved(levels[-1], str(len(levels))))
        self._group.attrs.put({"ome": self._ome(len(levels)), "xct4d": self._own()})

    def _halved(self, fine: zarr.Array, name: str) -> zarr.Array:
        """Averages of 2 x 2 x 2 voxels; where an odd size leaves a last layer, of those there are."""
        coarse = self._array(name, tuple(-(-n // 2) for n in fine.shape), self.dtype)
        for where in _tiles(coarse.shape, self._shard or self._chunk):
            block = np.asarray(fine[tuple(slice(2 * s.start, 2 * s.stop) for s in where)], np.float32)
            block = np.pad(block, [(0, n % 2) for n in block.shape], mode="edge")
            z, y, x = (n // 2 for n in block.shape)
            mean = block.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5))
            coarse[where] = (np.rint(mean) if self._whole else mean).astype(self.dtype)
        return coarse

    def _ome(self, levels: int) -> dict[str, Any]:
        unit = 1.0 if self._unit_mm is None else self._unit_mm
        spacing = [2.0 * unit / n for n in self.shape]
        axes = [{"name": axis, "type": "space"} | ({} if self._unit_mm is None else {"unit": "millimeter"}) for axis in _AXES]
        datasets = []
        for level in range(levels):
            scale = [step * 2**level for step in spacing]
            first = [-unit + step / 2 for step in scale]  # centre of the first voxel of this level
            transformations = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": first}]
            datasets.append({"path": str(level), "coordinateTransformations": transformations})
        if self._whole:
            top = int(np.iinfo(self.dtype).max)
            shown = {"min": 0, "max": top, "start": 0, "end": top}
        else:
            low = min(self._lowest, 0.0)
            high = self._highest if self._highest > low else low + 1.0
            shown = {"min": low, "max": high, "start": low, "end": high}
        channel = {"label": "attenuation", "color": "FFFFFF", "family": "linear", "active": True, "window": shown}
        how = {"description": "each level averages 2 x 2 x 2 voxels of the finer one", "method": "numpy.mean", "version": np.__version__}
        scales = {"name": self._name, "type": "mean", "metadata": how, "axes": axes, "datasets": datasets}
        return {"version": "0.5", "multiscales": [scales], "omero": {"channels": [channel]}}

    def _own(self) -> dict[str, Any]:
        own = {
            "quantity": "linear attenuation coefficient",
            "unit": "1/world unit" if self._unit_mm is None else "1/mm",
            "unit_mm": self._unit_mm,
            "window": None if self._window is None else list(self._window),
            "range": [self._lowest, self._highest],
            "clipped_voxels": self.clipped,
        }
        return self._extra | own


class Volume:
    """An open volume: `volume[z0:z1, y0:y1, x0:x1]` reads attenuation as float32, in `attributes["unit"]`."""

    def __init__(self, array: zarr.Array, attributes: dict[str, Any]):
        self.shape: tuple[int, int, int] = array.shape
        self.attributes = attributes
        self._array = array

    def __getitem__(self, where) -> np.ndarray:
        values = np.asarray(self._array[where])
        if self._array.dtype.kind != "u":
            return values.astype(np.float32)
        low, high = self.attributes["window"]
        step = (high - low) / np.iinfo(self._array.dtype).max
        return (low + values * step).astype(np.float32)


def open_volume(path: str | Path, level: int = 0) -> Volume:
    """Open a volume that VolumeWriter wrote; level 0 is the finest. Raises InputError where it is not one."""
    path = Path(path)
    fix = "delete it and export again"
    if not (path / "zarr.json").is_file():
        raise InputError("is not a Zarr volume (no zarr.json)", where=path, fix=fix)
    try:
        group = zarr.open_group(str(path), mode="r", zarr_format=3)
        attributes = dict(group.attrs["xct4d"])
        datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
        array = group[datasets[level]["path"]]
        if not isinstance(array, zarr.Array) or array.ndim != 3 or str(array.dtype) not in DTYPES:
            raise ValueError("its array is not a volume")
        if array.dtype.kind == "u":
            low, high = (float(v) for v in attributes["window"])
            if not low < high:
                raise ValueError("its window does not rise")
        if attributes["unit"] not in ("1/mm", "1/world unit"):
            raise ValueError(f"its unit is {attributes['unit']}")
    except (KeyError, IndexError, TypeError, ValueError, OSError, json.JSONDecodeError) as error:
        raise InputError(f"is not a volume of this program ({type(error).__name__}: {error})", where=path, fix=fix) from None
    return Volume(array, attributes)


def read_volume(path: str | Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The whole finest level: attenuation [z, y, x] float32 in attributes["unit"] ("1/mm" or "1/world unit"), and the attributes.

    Raises InputError where it is not a volume of this program.
    """
    volume = open_volume(path)
    return volume[:], volume.attributes


def _tiles(shape: tuple[int, ...], size: int):
    """Slices that cover an array, in storage order."""
    for corner in product(*(range(0, n, size) for n in shape)):
        yield tuple(slice(start, min(start + size, n)) for start, n in zip(corner, shape, strict=True))
