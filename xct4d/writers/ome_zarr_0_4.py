"""OME-Zarr 0.4 (https://ngff.openmicroscopy.org/0.4), zarr format 2: for viewers that do not read 0.5 yet."""

from __future__ import annotations

from pathlib import Path

import numcodecs
import zarr

from xct4d.io.digests import check_folder
from xct4d.io.ome_series import film_attributes
from xct4d.writers.film import Film


def write_ome_zarr_0_4(film: Film, folder: Path) -> None:
    """Write <name>.zarr: axes t, z, y, x, or t, c, z, y, x; numbers, levels and attributes of the volumes, a file per chunk.

    Raises InputError where a volume is damaged or differs from the first in
    quantity, shape, type or, for whole numbers, window.
    """
    paths = list(film.volumes.values())
    for path in paths:
        check_folder(path)
    attributes = film_attributes(film.name, film.times, paths, film.scale)
    (scales,), omero = attributes["ome"]["multiscales"], attributes["ome"]["omero"]
    group = zarr.create_group(str(folder / f"{film.name}.zarr"), zarr_format=2)
    for level in (dataset["path"] for dataset in scales["datasets"]):
        stored = [zarr.open_array(str(path / level), mode="r") for path in paths]
        array = group.create_array(
            level, shape=(len(paths), *stored[0].shape), chunks=(1, *stored[0].chunks), dtype=stored[0].dtype, fill_value=0,
            compressors=numcodecs.Blosc(cname="zstd", clevel=3), chunk_key_encoding={"name": "v2", "separator": "/"},
        )  # fmt: skip
        for index, volume in enumerate(stored):
            array[index] = volume[:]
    group.attrs.put({"multiscales": [{"version": "0.4", **scales}], "omero": {"version": "0.4", **omero}, "xct4d": attributes["xct4d"]})
