"""convert: the volumes of all times in the format of another program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xct4d.config.export import Format
from xct4d.io.atomic import atomic_folder
from xct4d.progress import track
from xct4d.units import Scale
from xct4d.writers.film import films
from xct4d.writers.registry import WRITERS


def convert(volumes: Mapping[tuple[str, float], Path], format: Format, output: Path, scale: Scale) -> None:
    """Write volumes into `output`, a folder, in a format that `export.formats` may name.

    volumes: the volume of each reconstruction or quantity and time. scale: of
    the dataset. Raises InputError where a volume is missing or damaged or the
    output cannot be written.
    """
    written = films(volumes, scale)
    with atomic_folder(output) as folder, track(f"convert {format}", len(written)) as progress:
        for film in written:
            WRITERS[format](film, folder)
            progress.advance()
