"""Datasets in the reference format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from xct4d.config import Input
from xct4d.directions import State
from xct4d.errors import InputError
from xct4d.io.paths import refuse_special
from xct4d.readers.nikon.xtekct import agreed_record, record_files
from xct4d.readers.reader import Acquisition, Dataset, Reader
from xct4d.readers.reference.transforms import discover, listed_images, listed_masks
from xct4d.readers.unused import named_volumes, unused_images, unused_volumes


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
        for state, own in described.items():
            # the other states' files set the clock and who is held out, the scanner's record the units
            shared = [*own, *(path for paths in described.values() for path in paths), *_records(own)]
            images = [image for path in own for image in _existing_images(path)]
            files[state] = list(dict.fromkeys([*shared, *images]))
        return files

    def open(self, folder: Path, options: Input) -> Dataset:
        from xct4d.readers.reference.cameras import read  # brings numpy, which listing files does without
        from xct4d.readers.reference.sequence import joined

        sources = discover(folder, options)
        acquisitions = {state: joined([read(path) for path in paths]) for state, paths in sources.by_state().items()}
        acquisitions = {state: _with_record(one, sources.by_state()[state]) for state, one in acquisitions.items()}
        described = named_volumes(folder, options)
        used = {
            file.resolve()
            for paths in sources.by_state().values()
            for path in paths
            for file in (*listed_images(path), *listed_masks(path))
        }
        left = _not_used(folder, [path for path in sources.unused if path not in described], used)
        left += unused_volumes(folder, options)
        acquisitions["forward"] = replace(acquisitions["forward"], notes=[*acquisitions["forward"].notes, *left])
        return Dataset(acquisitions)


def _existing_images(transforms: Path) -> list[Path]:
    """The images that a file lists, and their masks."""
    images, masks = listed_images(transforms), listed_masks(transforms)
    for image in images:
        if not image.is_file():
            raise InputError(f"there is no image {image}", where=f"{transforms}: frames", fix="restore the file or remove its frame")
    for mask in masks:
        if not mask.is_file():
            raise InputError(f"there is no mask {mask}", where=f"{transforms}: frames", fix="restore the file or remove mask_path")
    return [*images, *masks]


def _records(transforms: Iterable[Path]) -> list[Path]:
    records = [record for folder in dict.fromkeys(path.parent for path in transforms) for record in record_files(folder)]
    for record in records:
        refuse_special(record, record)  # Snakemake would wait for its content
    return records


def _with_record(acquisition: Acquisition, transforms: list[Path]) -> Acquisition:
    """The acquisition with the scanner's record beside its files, where there is one, or several that agree."""
    found = _records(transforms)
    record = agreed_record(found)
    if found and record is None:
        names = ", ".join(path.name for path in found)
        what = f"which scan is whose: {names}? Their geometries differ, so none is used, neither to check focal lengths nor for the unit; leave one"
        return replace(acquisition, notes=[*acquisition.notes, what])
    return replace(acquisition, scanner=record)


def _not_used(folder: Path, unused: list[Path], used: set[Path]) -> list[str]:
    """Notes on transforms files and images that lie in the dataset and are not used. used: images and masks that are, links followed."""
    notes = []
    for path in unused:
        try:
            others = [image for image in listed_images(path) if image.resolve() not in used]
        except InputError:
            notes.append(f"not used: {path.name}, which cannot be read" if path.name.startswith("transforms") else f"not used: {path.name}")
            continue
        if others:
            notes.append(f"not used: {path.name} with {len(others)} images of its own, such as {others[0].relative_to(path.parent)}")
            used |= {file.resolve() for file in (*others, *listed_masks(path))}  # said once
        else:
            notes.append(f"not used: {path.name}, whose images other files list")
    return [*notes, *unused_images(folder, used)]
