"""Known volumes of the two scans, found beside the transforms files as the reference program's scripts find them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from xct4d.config import Input, VolumeFile
from xct4d.directions import Direction
from xct4d.readers.unused import named_volumes


def end_volumes(folder: Path, options: Input, ends: Sequence[Direction]) -> dict[Direction, VolumeFile]:
    """The first and the last *.npz of a dataset, in the order of the numbers in their names; of one scan the first.

    They are taken as the reference program takes them, with their outermost
    values on the faces of the box. Those that the configuration names do not
    count. Empty where there are fewer volumes than scans.
    """
    named = set(named_volumes(folder, options))
    found = sorted((path for path in folder.glob("*.npz") if path not in named), key=lambda path: _natural(path.name))
    if len(found) < len(ends):
        return {}
    chosen = (found[0], found[-1])[: len(ends)]
    return {end: VolumeFile(path=path.name, grid="faces") for end, path in zip(ends, chosen, strict=True)}


def _natural(name: str) -> list[tuple[int, str]]:
    """A name's parts, numbers compared as numbers."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
