"""Scans in HDF5 files. What is in one is known when it is opened: NXtomo or Data Exchange."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader

NEXUS = (".nxs", ".nx", ".nexus")
HDF5 = (".h5", ".hdf5", ".hdf", ".he5")
SEARCHED = 64 * 2**20  # bytes of a file up to which the names of files that it links to are looked for


class Hdf5Reader(ScanReader):
    name = "hdf5"
    looks_for = "*.nxs, *.h5 or *.hdf5"
    alone = False  # other files may hold what one links to

    def describes(self, name: str) -> bool:
        return name.lower().endswith((*NEXUS, *HDF5))

    def descriptions(self, folder: Path) -> list[Path]:
        found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        nexus = [path for path in found if path.suffix.lower() in NEXUS]
        return nexus or [path for path in found if path.suffix.lower() in HDF5]  # a NeXus file may link to the pixels in the others

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        beside = [path for path in _others(description) if path not in together and not _is_outside(path, folder)]
        if beside and description.stat().st_size <= SEARCHED:  # a link holds the name as text
            try:
                content = description.read_bytes()
            except OSError:  # said when it is opened
                content = b""
            beside = [path for path in beside if os.fsencode(path.name) in content]
        return [description, *beside]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        from xct4d.readers.hdf5.container import opened  # brings numpy, which listing files does without
        from xct4d.readers.hdf5.dxfile import is_data_exchange, read_data_exchange
        from xct4d.readers.hdf5.nxtomo import find_entry, read_nxtomo

        with opened(description, folder) as container:
            if (entry := find_entry(container)) is not None:
                return read_nxtomo(container, entry, options)
            if is_data_exchange(container):
                return read_data_exchange(container, options)
        raise InputError(
            "is neither NeXus NXtomo nor Data Exchange", where=description, fix="write a table of images and angles (docs/scanners.md)"
        )


def _others(description: Path) -> list[Path]:
    """Other HDF5 files beside a file, and in the folders beside it."""
    place = description.parent
    folders = [place, *sorted(entry for entry in place.iterdir() if entry.is_dir() and not entry.name.startswith("."))]
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix.lower() in (*NEXUS, *HDF5) and path.is_file()]
    return [path for path in files if path != description]


def _is_outside(path: Path, folder: Path) -> bool:
    return not path.resolve().is_relative_to(folder.resolve())
