"""Known attenuation volumes of a dataset: voxel files, or descriptions of objects, which are rasterised to voxel files first.

Imports neither torch nor numba: the Snakefile looks at every volume before
anything runs, as the stages that read one come after hours of training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.io.voxels import load_voxels, open_voxels


def check_volume_file(file: VolumeFile, folder: Path, where: str) -> Path:
    """Path of a known volume's file, which exists and is what its suffix says; of voxels no more than the header is read.

    folder: the dataset. where: the key of the configuration, for messages.
    Raises InputError where the file is missing or outside the folder, or its
    size is not that of its shape and dtype.
    """
    path = safe_path(folder, file.path, f"{where}.path")
    suffix = path.suffix.lower()
    if not file.is_voxels and not file.is_object:
        raise InputError(
            f"{file.path} is not a volume",
            where=f"{where}.path",
            fix="give an object description (.yaml, .json), or a .npy, .npz, .raw or .zarr file",
        )
    if suffix != ".raw" and (file.shape is not None or file.dtype is not None):
        raise InputError(f"shape and dtype belong to .raw files; {path.name} tells its own", where=where, fix="remove them")
    if suffix == ".raw" and (file.shape is None or file.dtype is None):
        raise InputError(f"{path.name} does not tell its shape and dtype", where=where, fix="give both (shape along z, y, x)")
    if file.grid != "centres" and suffix not in (".npy", ".npz", ".raw"):
        raise InputError(
            f"{path.name} tells where its values lie", where=f"{where}.grid", fix="remove it; it belongs to .npy, .npz and .raw"
        )
    if not (path.is_dir() if suffix == ".zarr" else path.is_file()):
        raise InputError(f"there is no file {path}", where=f"{where}.path", fix="check it; it starts from the dataset's folder")
    if file.is_voxels and suffix != ".zarr":  # that is io.ome_voxels', whose units the trainings do without
        try:
            open_voxels(path, file.shape, file.dtype)
        except InputError as error:
            raise InputError(str(error), where=where if suffix == ".raw" else f"{where}.path") from None
    return path


def load_volume(file: VolumeFile, folder: Path, where: str) -> np.ndarray:
    """Attenuation over the box [-1, 1]^3, from voxels: [z, y, x] float32.

    .npy and .npz (array `vol`) are stored (x, y, z), .raw (z, y, x) with the
    shape and dtype of the configuration. where: the key of the configuration,
    for messages. Raises InputError for what check_volume_file refuses, and where
    the file holds NaN or negative attenuation. int16 may be negative: such a
    reconstruction has its zero anywhere, and it is only compared by correlation.
    """
    path = check_volume_file(file, folder, where)
    volume = load_voxels(path, file.shape, file.dtype)
    if file.dtype != "int16":
        refuse_negative(volume, path)
    return volume


def refuse_negative(volume: np.ndarray, where: object) -> None:
    """Raises InputError where a volume holds negative attenuation."""
    if volume.min() < 0:
        raise InputError(f"holds negative attenuation ({volume.min():g})", where=where, fix="set air to 0")
