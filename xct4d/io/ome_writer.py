"""Writes volumes that xct4d.io.ome_zarr reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from xct4d.geometry.box import WHOLE
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_metadata import dimension_names, ome_attributes
from xct4d.io.ome_zarr import DTYPES
from xct4d.quantities import Quantity
from xct4d.units import WORLD, Scale

CHUNK = 64  # voxels per axis: 1 MiB of float32, what a viewer fetches at once
SHARD_FROM = 256  # voxels per axis; beyond, a file per chunk would be many thousand files
COARSEST = 96  # voxels along the longest axis that every level has at least: viewers show the coarsest in 3D, where 50 are a blur
_SCRATCH = "scratch"


class VolumeWriter:
    """Writes a quantity over the box [-1, 1]^3, or a part of it, tile by tile; the volume appears at `path` whole or not at all.

        with VolumeWriter(path, (200, 200, 200), "uint16", quantity=ATTENUATION, scale=Scale(unit_mm=3.4)) as volume:
            volume[0:64, 0:64, 0:64] = attenuation  # float [64, 64, 64], per world unit

    path: folder to become the group. shape: voxels along z, y, x. dtype: one of
    DTYPES. faces: between which world coordinates along z, y, x the voxels lie. scale: what the dataset says of its units; values and lengths are
    stored in mm and s where it says them, else in world units and time units.
    window: the values (in world units) stored as the lowest and the highest
    whole number of uint8 or uint16; None: 0 (or the minimum, if negative) and
    the maximum of what is written, for which the volume is kept as float32
    inside the temporary folder until the end. chunk: voxels per axis of what is
    compressed together. shard: voxels per axis of one file, a multiple of
    chunk; None: one file per chunk. shown: lowest and highest value (in world
    units) that viewers shall tell apart; None: those that are written. name: under which viewers list the volume;
    None: that of the folder. attributes: further JSON values for the group's
    attribute `xct4d`; until the block ends more can be added to `attributes`.

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
        faces: Sequence[tuple[float, float]] = WHOLE,
        window: tuple[float, float] | None = None,
        chunk: int = CHUNK,
        shard: int | None = None,
        shown: tuple[float, float] | None = None,
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
        self._scale, self._faces = scale, faces
        self._factor = quantity.factor(scale)
        self._whole = self.dtype.kind == "u"
        self._window = None if window is None else tuple(float(v) * self._factor for v in window)
        self._chunk, self._shard = chunk, shard
        self._told_apart = None if shown is None else tuple(float(v) * self._factor for v in shown)
        self._name = name or self.path.name.removesuffix(".zarr")
        self.attributes = dict(attributes or {})
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
        while min(levels[-1].shape[-3:]) > 1 and max(levels[-1].shape[-3:]) >= 2 * COARSEST:
            levels.append(self._halved(levels[-1], str(len(levels))))
        ome = ome_attributes(
            name=self._name, quantity=self.quantity, scale=self._scale, shape=self.shape, faces=self._faces, levels=len(levels),
            window=self._shown(),
        )  # fmt: skip
        self._group.attrs.put({"ome": ome, "xct4d": self.attributes | self._own()})

    def _halved(self, fine: zarr.Array, name: str) -> zarr.Array:
        """Averages of 2 x 2 x 2 voxels (of those that are known); where an odd size leaves a last layer, of those there are."""
        coarse = self._array(name, tuple(-(-n // 2) for n in fine.shape[-3:]), self.dtype)
        count = len(self.quantity.components)
        each: list[tuple[int, ...]] = [(component,) for component in range(count)] if count else [()]  # one at a time: a block has 8 tiles
        for where in _tiles(coarse.shape[-3:], self._shard or self._chunk):
            doubled = tuple(slice(2 * s.start, 2 * s.stop) for s in where)
            for component in each:
                block = np.asarray(fine[(*component, *doubled)], np.float32)
                z, y, x = block.shape
                block = np.pad(block, [(0, n % 2) for n in (z, y, x)], mode="edge")
                eighths = block.reshape((z + 1) // 2, 2, (y + 1) // 2, 2, (x + 1) // 2, 2)
                mean = _known_mean(eighths) if self.quantity.may_be_nan else eighths.mean(axis=(-5, -3, -1))
                coarse[(*component, *where)] = (np.rint(mean) if self._whole else mean).astype(self.dtype)
        return coarse

    def _shown(self) -> tuple[float, float]:
        """The stored values that viewers show as the darkest and the brightest."""
        if self._whole:
            return 0, int(np.iinfo(self.dtype).max)
        low, high = self._told_apart or self._range() or (0.0, 0.0)
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
