"""The files of a known volume, and what can be wrong with them that shows before a voxel is read.

Imports neither torch nor numba: the Snakefile looks at every volume before
anything runs, as the stages that read one come after hours of training.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.phantom.shapes import load_object

OBJECTS = (".yaml", ".yml", ".json")


def volume_files(file: VolumeFile, folder: Path, where: str) -> list[Path]:
    """The volume's own file, then the voxel files that it names where it is an object description.

    folder: the dataset. where: the key of the configuration, for messages.
    Raises InputError where a file is missing or outside the folder, is not what
    its suffix says, or its size is not that of its shape and dtype.
    """
    path = safe_path(folder, file.path, f"{where}.path")
    suffix = path.suffix.lower()
    if suffix not in (*OBJECTS, ".npy", ".npz", ".raw"):
        raise InputError(f"{file.path} is not a volume", where=f"{where}.path", fix="give an object description (.yaml, .json), or a .npy, .npz or .raw file")
    if suffix != ".raw" and (file.shape is not None or file.dtype is not None):
        raise InputError(f"shape and dtype belong to .raw files; {path.name} tells its own", where=where, fix="remove them")
    if suffix == ".raw" and (file.shape is None or file.dtype is None):
        raise InputError(f"{path.name} does not tell its shape and dtype", where=where, fix="give both (shape along z, y, x)")
    if not path.is_file():
        raise InputError(f"there is no file {path}", where=f"{where}.path", fix="check it; it starts from the dataset's folder")
    if suffix in OBJECTS:
        return [path, *_named_by(path, f"{where}.path")]
    if suffix == ".raw":
        _check_size(path, file, where)
    else:
        _check_array(path, f"{where}.path: {path}")
    return [path]


def _named_by(path: Path, where: str) -> list[Path]:
    try:
        return list(load_object(path).files.values())
    except InputError as error:
        raise InputError(str(error), where=where) from None


def _check_size(path: Path, file: VolumeFile, where: str) -> None:
    size, needed = path.stat().st_size, math.prod(file.shape) * np.dtype(file.dtype).itemsize
    if size != needed:
        shape = " x ".join(map(str, file.shape))
        raise InputError(f"has {size} bytes, but {shape} voxels of {file.dtype} need {needed}", where=f"{where}: {path}", fix="check shape and dtype")


def _check_array(path: Path, where: str) -> None:
    """The header of a .npy file or of the array `vol` of a .npz file."""
    try:
        if path.suffix.lower() == ".npy":
            stored = np.load(path, mmap_mode="r", allow_pickle=False)  # complains where the file is shorter than its header says
            shape, dtype = stored.shape, stored.dtype
        else:
            with zipfile.ZipFile(path) as archive, archive.open("vol.npy") as member:
                read = np.lib.format.read_array_header_1_0 if np.lib.format.read_magic(member) == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
    except KeyError:
        raise InputError("has no array vol", where=where, fix="store the volume under that name") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=where) from None
    except (ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"is not a plain array ({error})", where=where, fix="save it with numpy.save, without objects") from None
    if dtype.kind not in "fiub" or len(shape) != 3:
        raise InputError(f"holds {dtype} of shape {shape}, not a volume of numbers (x, y, z)", where=where)
