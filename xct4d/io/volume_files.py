"""The files of a known volume, and what can be wrong with them that shows before a voxel is read.

Imports neither torch nor numba: the Snakefile looks at every volume before
anything runs, as the stages that read one come after hours of training.
"""

from __future__ import annotations

from pathlib import Path

from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.paths import safe_path
from xct4d.phantom.shapes import load_object
from xct4d.phantom.voxels import open_voxels

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
    try:
        if suffix in OBJECTS:
            return [path, *(voxels.path for voxels in load_object(path).files.values())]
        open_voxels(path, file.shape, file.dtype)
    except InputError as error:
        raise InputError(str(error), where=where if suffix == ".raw" else f"{where}.path") from None
    return [path]
