"""Datasets in the reference format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.nikon.xtekct import Xtekct, record_files
from xct4d.readers.reader import Acquisition, Dataset, Reader, State
from xct4d.readers.reference.transforms import discover, listed_images


class ReferenceReader(Reader):
    """transforms*.json files beside their images; a scanner's record beside them is compared with."""

    name = "reference"
    looks_for = "transforms*.json"

    def can_read(self, folder: Path, options: Input) -> bool:
        if options.forward is not None:
            return options.forward.lower().endswith(".json")
        return any(folder.glob("transforms*.json"))

    def files(self, folder: Path, options: Input) -> dict[State, list[Path]]:
        described = discover(folder, options).by_state()
        files: dict[State, list[Path]] = {}
        for state, path in described.items():
            # the other states' files set the clock and who is held out, the scanner's record the units
            shared = [path, *described.values(), *record_files(path.parent)]
            files[state] = list(dict.fromkeys([*shared, *_existing_images(path)]))
        return files

    def open(self, folder: Path, options: Input) -> Dataset:
        from xct4d.readers.reference.cameras import read  # brings numpy, which listing files does without

        return Dataset({state: _with_record(read(path)) for state, path in discover(folder, options).by_state().items()})


def _existing_images(transforms: Path) -> list[Path]:
    images = listed_images(transforms)
    for image in images:
        if not image.is_file():
            raise InputError(f"there is no image {image}", where=f"{transforms}: frames", fix="restore the file or remove its frame")
    return images


def _with_record(acquisition: Acquisition) -> Acquisition:
    """The acquisition with the scanner's record in its folder, where there is one."""
    found = record_files(acquisition.path.parent)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        note = f"which scan is whose: {names}? None is used, neither to check focal lengths nor for the unit; leave one"
        return replace(acquisition, notes=[*acquisition.notes, note])
    return replace(acquisition, scanner=Xtekct(found[0]).record()) if found else acquisition

