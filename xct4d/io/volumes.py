"""Known attenuation volumes of a dataset: voxels, or an object description made into voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.phantom.shapes import load_object
from xct4d.phantom.truth import Phantom
from xct4d.phantom.voxels import load_voxels

OBJECTS = (".yaml", ".yml", ".json")


def load_volume(file: VolumeFile, folder: Path, resolution: int, where: str) -> np.ndarray:
    """Attenuation over the box [-1, 1]^3: [z, y, x] float32.

    .npy and .npz (array `vol`) are stored (x, y, z), .raw (z, y, x) with the
    shape and dtype of the configuration; an object description is evaluated at
    the centres of resolution^3 voxels. where: the key of the configuration, for
    messages. Raises InputError where the file is missing, lies outside the
    folder, is not what its suffix says, holds pickled objects, NaN or negative
    attenuation.
    """
    path = safe_path(folder, file.path, f"{where}.path")
    suffix = path.suffix.lower()
    if suffix != ".raw" and (file.shape is not None or file.dtype is not None):
        raise InputError(f"shape and dtype belong to .raw files; {path.name} tells its own", where=where, fix="remove them")
    if suffix == ".raw" and (file.shape is None or file.dtype is None):
        raise InputError(f"{path.name} does not tell its shape and dtype", where=where, fix="give both (shape along z, y, x)")
    if not path.is_file():
        raise InputError(f"there is no file {path}", where=f"{where}.path")
    volume = Phantom(load_object(path)).volume(resolution, 0.0) if suffix in OBJECTS else load_voxels(path, file.shape, file.dtype)
    if volume.min() < 0:
        raise InputError(f"holds negative attenuation ({volume.min():g})", where=path, fix="set air to 0")
    return volume
