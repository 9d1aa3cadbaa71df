"""Known attenuation volumes of a dataset: voxels, or an object description made into voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.io.volume_files import OBJECTS, volume_files
from xct4d.phantom.shapes import load_object
from xct4d.phantom.truth import Phantom
from xct4d.phantom.voxels import load_voxels


def load_volume(file: VolumeFile, folder: Path, resolution: int, where: str) -> np.ndarray:
    """Attenuation over the box [-1, 1]^3: [z, y, x] float32.

    .npy and .npz (array `vol`) are stored (x, y, z), .raw (z, y, x) with the
    shape and dtype of the configuration; an object description is evaluated at
    the centres of resolution^3 voxels. where: the key of the configuration, for
    messages. Raises InputError for what volume_files refuses, and where the file
    holds NaN or negative attenuation. int16 may be negative: such a reconstruction
    has its zero anywhere, and it is only compared by correlation.
    """
    path = volume_files(file, folder, where)[0]
    if path.suffix.lower() in OBJECTS:
        volume = Phantom(load_object(path)).volume(resolution, 0.0)
    else:
        volume = load_voxels(path, file.shape, file.dtype)
    if volume.min() < 0 and file.dtype != "int16":
        raise InputError(f"holds negative attenuation ({volume.min():g})", where=path, fix="set air to 0")
    return volume
