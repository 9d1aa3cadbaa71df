"""VTK ImageData (https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html), which ParaView opens: a .vti per time and a .pvd that lists them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pyevtk.hl import imageToVTK
from pyevtk.vtk import VtkGroup

from xct4d.io.ome_zarr import Volume
from xct4d.writers.film import Film, time_name


def write_vtk(film: Film, folder: Path) -> None:
    """Write <name>.pvd and <name>/t<time>.vti: point data at the voxel centres, lengths in the volumes' unit, times in s where known.

    A vector of x, y, z is one array of three components, a tensor one array per
    component.
    """
    (folder / film.name).mkdir(parents=True)
    group = VtkGroup(str(folder / film.name))
    for t in film.times:
        volume = film.open(t)
        z, y, x = volume.coordinates
        path = imageToVTK(
            str(folder / film.name / time_name(t)),
            origin=tuple(float(axis[0]) for axis in (x, y, z)),
            spacing=tuple(float(axis[1] - axis[0]) for axis in (x, y, z)),
            pointData=_arrays(film.name, volume),
        )
        group.addFile(path, sim_time=film.moment(t))
    group.save()


def _arrays(name: str, volume: Volume) -> dict[str, np.ndarray | tuple[np.ndarray, ...]]:
    """Arrays (x, y, z), x fastest, by their names."""
    parts = volume.quantity.components
    if not parts:
        return {name: volume[:].T}
    components = [volume[c].T for c in range(len(parts))]
    if parts == ("x", "y", "z"):
        return {name: tuple(components)}
    return {f"{name}_{part}": component for part, component in zip(parts, components, strict=True)}
