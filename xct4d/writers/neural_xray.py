"""Attenuation as the reference program stores it: .npz and .npy (x, y, z) and .raw (z, y, x), per world unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.quantities import ATTENUATION
from xct4d.writers.film import Film, time_name


def write_npz(film: Film, folder: Path) -> None:
    """Write <name>_t<time>.npz for each time, with the array `vol` (x, y, z) float32; nothing where the film is not of attenuation.

    Values are at voxel centres; the reference program puts its first and last
    on the faces of the box.
    """
    for t in film.times if film.quantity == ATTENUATION else ():
        np.savez_compressed(folder / f"{film.name}_{time_name(t)}.npz", vol=_along_xyz(film, t))


def write_npy(film: Film, folder: Path) -> None:
    """Write <name>_t<time>.npy (x, y, z) float32 for each time, as `write_npz`."""
    for t in film.times if film.quantity == ATTENUATION else ():
        np.save(folder / f"{film.name}_{time_name(t)}.npy", _along_xyz(film, t))


def _along_xyz(film: Film, t: float) -> np.ndarray:
    return np.ascontiguousarray(film.open(t).in_world_units()[:].T)


def write_raw(film: Film, folder: Path) -> None:
    """Write <name>_t<time>_<nz>x<ny>x<nx>_float32.raw (z, y, x), little-endian, as `write_npz`."""
    for t in film.times if film.quantity == ATTENUATION else ():
        values = film.open(t).in_world_units()[:]
        size = "x".join(map(str, values.shape))
        values.astype("<f4").tofile(folder / f"{film.name}_{time_name(t)}_{size}_float32.raw")
