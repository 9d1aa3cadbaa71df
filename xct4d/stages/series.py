"""series: the exported volumes of all times as one film per kind."""

from __future__ import annotations

from pathlib import Path

from xct4d.config import Kind
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_series import join
from xct4d.progress import track


def series(volumes: dict[tuple[Kind, float], Path], output: Path, duration_s: float | None) -> None:
    """Write one OME-Zarr image per kind, axes t, z, y, x, into `output`, a folder: mixed.zarr and so on.

    volumes: the exported volume of each kind and time. duration_s: seconds from
    t = 0 to t = 1, None if unknown. Raises InputError where volumes do not fit
    together or the output cannot be written.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in volumes))
    with atomic_folder(output) as folder, track("series", len(kinds)) as progress:
        for kind in kinds:
            times = sorted(t for own, t in volumes if own == kind)
            join(times, [volumes[kind, t] for t in times], folder / f"{kind}.zarr", duration_s)
            progress.advance()
