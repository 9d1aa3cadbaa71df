"""The object that a volume's file holds: its description, or voxels that fill the box."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xct4d.config import VolumeFile
from xct4d.io.volumes import check_volume_file
from xct4d.io.voxels import Voxels, open_voxels
from xct4d.phantom import shapes

if TYPE_CHECKING:
    from xct4d.io.ome_voxels import OmeVoxels


def object_in(file: VolumeFile, folder: Path, where: str) -> shapes.Object:
    """The object of a volume in a dataset's folder; of voxels no more than the header is read.

    where: the key of the configuration, for messages. Raises InputError where
    the file is missing, outside the folder, or not what it says.
    """
    path = check_volume_file(file, folder, where)
    if file.is_object:
        return shapes.load_object(path)
    voxels: Voxels | OmeVoxels
    if path.suffix.lower() == ".zarr":
        from xct4d.io.ome_voxels import open_ome_voxels  # imports zarr: only where there is such a volume

        voxels = open_ome_voxels(path)
    else:
        voxels = open_voxels(path, file.shape, file.dtype)
    return shapes.Object(
        {"type": "voxel_grid", "path": file.path}, shapes.voxel_leaf(voxels, on_faces=file.grid == "faces"), {file.path: voxels}
    )
