"""series: the exported volumes of all times joined into one film for each reconstruction or quantity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_series import join
from xct4d.progress import track
from xct4d.units import Scale


def series(volumes: Mapping[tuple[str, float], Path], output: Path, scale: Scale) -> None:
    """Write one OME-Zarr image per film into `output`, a folder: mixed.zarr, displacement.zarr and so on.

    volumes: the volume of each film and time, the film by its name, such as
    "mixed" or "displacement". scale: of the dataset. Raises InputError where
    volumes do not fit together or the output cannot be written.
    """
    films = list(dict.fromkeys(film for film, _ in volumes))
    with atomic_folder(output) as folder, track("series", len(films)) as progress:
        for film in films:
            times = sorted(t for own, t in volumes if own == film)
            join(times, [volumes[film, t] for t in times], folder / f"{film}.zarr", scale)
            progress.advance()
