"""Attenuation volumes stored as voxels: .npy, .npz and .raw."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from xct4d.errors import InputError

RAW_TYPES = ("uint8", "uint16", "uint32", "int16", "float32", "float64")


def load_voxels(path: Path, shape: tuple[int, int, int] | None = None, dtype: str | None = None) -> np.ndarray:
    """A volume [z, y, x] float32.

    .npy and the array `vol` of .npz are (x, y, z), as the reference program
    has them; .raw is (z, y, x), little-endian, of the given shape and dtype.
    Whole numbers of a .raw are divided by the type's largest, so they span
    [0, 1] (int16 [-1, 1]); .npy and .npz hold the attenuation itself. Raises InputError where
    the file is missing, is not a volume, holds pickled objects or NaN.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".raw":
        return _checked(_raw(path, shape, dtype), path)
    if suffix not in (".npy", ".npz"):
        raise InputError("is not a volume", where=path, fix="give a .npy, .npz or .raw file")
    try:
        stored = np.load(path, allow_pickle=False, mmap_mode="r" if suffix == ".npy" else None)
        if suffix == ".npz":
            with stored as archive:
                if "vol" not in archive:
                    raise InputError("has no array vol", where=path, fix="store the volume under that name")
                stored = archive["vol"]
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=path) from None
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"is not a plain array ({error})", where=path, fix="save it with numpy.save, without objects") from None
    if stored.ndim != 3 or stored.dtype.kind not in "fiub":
        raise InputError(f"holds {stored.dtype} of shape {stored.shape}, not a volume of numbers (x, y, z)", where=path)
    return _checked(stored.transpose(2, 1, 0), path)


def _raw(path: Path, shape: tuple[int, int, int] | None, dtype: str | None) -> np.ndarray:
    if shape is None or dtype is None:
        raise InputError("a .raw file does not say its shape and dtype", where=path, fix="give both")
    if dtype not in RAW_TYPES:
        raise InputError(f"dtype {dtype} is unknown", where=path, fix=f"use one of {', '.join(RAW_TYPES)}")
    kind = np.dtype(dtype).newbyteorder("<")
    try:
        size, needed = path.stat().st_size, math.prod(shape) * kind.itemsize
        if size != needed:
            raise InputError(
                f"has {size} bytes, but {' x '.join(map(str, shape))} voxels of {dtype} need {needed}", where=path, fix="check shape and dtype"
            )
        stored = np.fromfile(path, kind).reshape(shape)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from None
    return stored / np.float32(np.iinfo(kind).max) if kind.kind in "ui" else stored


def _checked(volume: np.ndarray, path: Path) -> np.ndarray:
    volume = np.ascontiguousarray(volume, dtype=np.float32)
    if min(volume.shape) < 2:
        raise InputError(f"has shape {volume.shape}", where=path, fix="give at least 2 voxels per axis")
    if not np.isfinite(volume).all():
        raise InputError("holds NaN or infinite voxels", where=path)
    return volume
