"""rasterise: the description of a known object as voxels, with which the canonical stage compares its field."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.config import VolumeFile
from xct4d.io.atomic import atomic_file
from xct4d.io.volumes import check_volume_file, refuse_negative
from xct4d.phantom.shapes import load_object
from xct4d.phantom.truth import Phantom


def rasterise(file: VolumeFile, folder: Path, resolution: int, where: str, output: Path) -> None:
    """Write the attenuation at the centres of resolution^3 voxels over [-1, 1]^3 to an .npz file, (x, y, z) as every .npz volume.

    file: the object description, in the dataset's folder. where: the key of the
    configuration, for messages. Raises InputError where the description is
    wrong or its attenuation is negative somewhere. Unlike an .npy file, an .npz
    holds a checksum, so that damage is noticed.
    """
    path = check_volume_file(file, folder, where)
    volume = Phantom(load_object(path)).volume(resolution, 0.0)
    refuse_negative(volume, path)
    with atomic_file(output) as temporary:
        np.savez(temporary, vol=volume.transpose(2, 1, 0))
