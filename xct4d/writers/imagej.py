"""ImageJ hyperstacks: one TIFF file over all times (https://imagej.net/formats/tiff)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from xct4d.writers.film import Film

MOST_BYTES = 2**32 - 2**20  # of a TIFF file with 32 bit offsets; ImageJ reads no other hyperstack


def write_imagej(film: Film, folder: Path) -> None:
    """Write <name>.tif: float32, axes T, Z, (C,) Y, X; several files <name>_<number>.tif where 4 GiB do not hold all times.

    ImageJ knows one step between times: the mean one. Its origin is the centre
    of the reconstructed box.
    """
    first = film.open(film.times[0])
    at_once = max(int(MOST_BYTES // (4 * np.prod(first.shape))), 1)
    parts = [film.times[start : start + at_once] for start in range(0, len(film.times), at_once)]
    for number, times in enumerate(parts):
        path = folder / (f"{film.name}.tif" if len(parts) == 1 else f"{film.name}_{number}.tif")
        _write(path, film, times)


def _write(path: Path, film: Film, times: list[float]) -> None:
    volume = film.open(times[0])
    z, y, x = volume.coordinates
    channels = volume.quantity.components
    steps = [after - before for before, after in zip(film.times, film.times[1:], strict=False)]
    spacing, moments = float(z[1] - z[0]), ", ".join(f"{film.moment(t):g}" for t in times)
    metadata = {
        "axes": "TZCYX" if channels else "TZYX",
        "spacing": spacing,
        "unit": volume.unit_of_length,
        "finterval": film.moment(float(np.mean(steps))) if steps else 0.0,
        "tunit": film.scale.time_unit,
        "xorigin": float(-x[0] / (x[1] - x[0])),
        "yorigin": float(-y[0] / (y[1] - y[0])),
        "zorigin": float(-z[0] / spacing),
        **_shown(film, times),
        "mode": "grayscale",
        "Info": f"{volume.quantity.label} ({volume.unit}); {volume.quantity.description} Times: {moments} {film.scale.time_unit}",
    }
    if channels:
        metadata["Labels"] = [f"{film.name} {channel}" for _ in times for _ in z for channel in channels]
    n_z, n_y, n_x = volume.shape[-3:]
    shape = (len(times), n_z, len(channels), n_y, n_x) if channels else (len(times), n_z, n_y, n_x)
    resolution = (1 / float(x[1] - x[0]), 1 / float(y[1] - y[0]))
    tifffile.imwrite(path, _images(film, times), shape=shape, dtype=np.float32, imagej=True, resolution=resolution, metadata=metadata)


def _images(film: Film, times: list[float]) -> Iterator[np.ndarray]:
    """Images [y, x] in the file's order; one volume in memory at a time."""
    for t in times:
        volume = film.open(t)[:]
        stack = volume.swapaxes(0, 1).reshape(-1, *volume.shape[-2:]) if volume.ndim == 4 else volume
        yield from stack


def _shown(film: Film, times: list[float]) -> dict[str, float]:
    """The values shown as the darkest and the brightest."""
    ranges = [known for t in times if (known := film.open(t).attributes["range"]) is not None]
    low, high = film.quantity.display.window(min((own[0] for own in ranges), default=0.0), max((own[1] for own in ranges), default=0.0))
    return {"min": low, "max": high}
