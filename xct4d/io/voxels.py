"""Attenuation volumes stored as voxels: .npy, .npz and .raw."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from xct4d.errors import InputError
from xct4d.io.paths import refuse_special

RAW_TYPES = ("uint8", "uint16", "uint32", "int16", "float32", "float64")
MOST_VOXELS = 2**36  # of a volume: 4096 along each axis
DEFLATE = 1032  # times smaller at most is what zip makes of anything
RAW_AXES = "zyx"
DAMAGED = (ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)  # what numpy and zipfile raise


@dataclass(frozen=True)
class Voxels:
    """A volume's file, of which no more than the header was read."""

    path: Path
    axes: str  # order in the file, slowest first: "xyz", "zyx" or "zxy"
    stored: tuple[int, int, int]  # shape in that order
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        return tuple(self.stored[self.axes.index(axis)] for axis in "zyx")

    def read(self) -> np.ndarray:
        """The volume [z, y, x] float32. Raises InputError where the file cannot be read, or holds NaN."""
        try:
            stored = self._stored()
        except OSError as error:
            raise _unreadable(self.path, error) from None
        except DAMAGED as error:
            raise _no_array(self.path, error) from None
        with np.errstate(over="ignore"):  # too large for float32 is infinite, which gives a line of its own
            volume = np.ascontiguousarray(stored.transpose([self.axes.index(axis) for axis in "zyx"]), np.float32)
        if self.path.suffix.lower() == ".raw" and self.dtype.kind in "ui":
            volume /= np.float32(np.iinfo(self.dtype).max)
        if not np.isfinite(volume).all():
            raise InputError("holds NaN or infinite voxels", where=self.path)
        return volume

    def _stored(self) -> np.ndarray:
        suffix = self.path.suffix.lower()
        if suffix == ".raw":
            return np.memmap(self.path, self.dtype, "r", shape=self.stored)
        if suffix == ".npy":
            return np.load(self.path, allow_pickle=False, mmap_mode="r")
        with np.load(self.path, allow_pickle=False) as archive:
            return archive["vol"]


def open_voxels(path: Path, shape: tuple[int, int, int] | None = None, dtype: str | None = None, axes: str = RAW_AXES) -> Voxels:
    """The volume in a file, not yet read.

    .npy and the array `vol` of .npz are (x, y, z), as the reference program
    has them; .raw is little-endian, of the given shape, dtype and order of
    axes. Whole numbers of a .raw are divided by the type's largest, so they
    span [0, 1] (int16 [-1, 1]); .npy and .npz hold the attenuation itself.
    Raises InputError where the file is missing, is not a volume or holds pickled objects.
    """
    path = Path(path)
    refuse_special(path, path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".raw":
            voxels = _raw(path, shape, dtype, axes)
        elif suffix == ".npy":
            with path.open("rb") as file:
                voxels = _array(path, file, path.stat().st_size)
        elif suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                if "vol.npy" not in archive.namelist():
                    raise InputError("has no array vol", where=path, fix="store the volume under that name")
                with archive.open("vol.npy") as file:
                    member = archive.getinfo("vol.npy")
                    voxels = _array(path, file, min(member.file_size, DEFLATE * min(member.compress_size, path.stat().st_size)))
        else:
            raise InputError("is not a volume", where=path, fix="give a .npy, .npz or .raw file")
    except OSError as error:
        raise _unreadable(path, error) from None
    except DAMAGED as error:
        raise _no_array(path, error) from None
    if math.prod(voxels.shape) > MOST_VOXELS:
        raise InputError(f"has shape {voxels.shape}", where=path, fix=f"at most {MOST_VOXELS} voxels are read; give a coarser volume")
    if min(voxels.shape) < 2:
        raise InputError(f"has shape {voxels.shape}", where=path, fix="give at least 2 voxels per axis")
    return voxels


def load_voxels(path: Path, shape: tuple[int, int, int] | None = None, dtype: str | None = None) -> np.ndarray:
    """A volume [z, y, x] float32, read at once; see open_voxels. The axes of a .raw are z, y, x."""
    return open_voxels(path, shape, dtype).read()


def _array(path: Path, file: BinaryIO, size: int) -> Voxels:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if len(shape) != 3 or dtype.kind not in "fiub":
        raise InputError(f"holds {dtype} of shape {shape}, not a volume of numbers (x, y, z)", where=path)
    if size - file.tell() < math.prod(shape) * dtype.itemsize:
        raise InputError(f"ends before its {' x '.join(map(str, shape))} voxels of {dtype} do", where=path, fix="copy it again")
    return Voxels(path, "xyz", shape, dtype)


def _raw(path: Path, shape: tuple[int, int, int] | None, dtype: str | None, axes: str) -> Voxels:
    if shape is None or dtype is None:
        raise InputError("a .raw file does not say its shape and dtype", where=path, fix="give both")
    if dtype not in RAW_TYPES:
        raise InputError(f"dtype {dtype} is unknown", where=path, fix=f"use one of {', '.join(RAW_TYPES)}")
    kind = np.dtype(dtype).newbyteorder("<")
    size, needed = path.stat().st_size, math.prod(shape) * kind.itemsize
    if size != needed:
        raise InputError(
            f"has {size} bytes, but {' x '.join(map(str, shape))} voxels of {dtype} need {needed}", where=path, fix="check shape and dtype"
        )
    return Voxels(path, axes, tuple(shape), kind)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot be read ({error.strerror or error})", where=path)


def _no_array(path: Path, error: Exception) -> InputError:
    if isinstance(error, zlib.error) or "CRC" in str(error):
        return InputError(f"is damaged ({error})", where=path, fix="copy it again; one that rasterise made: delete it and start again")
    return InputError(f"is not a plain array ({error})", where=path, fix="save it with numpy.save, without objects")
