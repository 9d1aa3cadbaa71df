"""The formats that `export.formats` may name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from xct4d.config.export import Format
from xct4d.writers.film import Film
from xct4d.writers.imagej import write_imagej
from xct4d.writers.neural_xray import write_npy, write_npz, write_raw
from xct4d.writers.ome_zarr_0_4 import write_ome_zarr_0_4
from xct4d.writers.vtk import write_vtk

WRITERS: dict[Format, Callable[[Film, Path], None]] = {
    "vtk": write_vtk,
    "imagej": write_imagej,
    "ome-zarr-0.4": write_ome_zarr_0_4,
    "npz": write_npz,
    "npy": write_npy,
    "raw": write_raw,
}
