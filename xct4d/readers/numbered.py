"""Image files with running numbers, by their names alone."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

IMAGES = (".tif", ".tiff", ".png")
_NUMBERED = re.compile(r"(.*?)(\d+)(\.[A-Za-z]+)")


@dataclass(frozen=True)
class Run:
    """Files of one folder that differ in a number only."""

    prefix: str
    numbers: tuple[int, ...]
    paths: tuple[Path, ...]  # in the order of their numbers

    @property
    def complete(self) -> bool:
        """Whether it begins with 0 or 1 and no number is missing; its end may be."""
        return self.numbers[0] in (0, 1) and self.numbers == tuple(range(self.numbers[0], self.numbers[0] + len(self.numbers)))


def runs(folder: Path, suffixes: tuple[str, ...] = IMAGES) -> list[Run]:
    """The runs of at least two numbered images in a folder, by prefix. Hidden files do not count. Raises OSError where it cannot be listed."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for name in os.listdir(folder):
        match = _NUMBERED.fullmatch(name)
        if match and match[3].lower() in suffixes and not name.startswith("."):
            found[match[1], match[3].lower()].append((int(match[2]), name))
    out = []
    for (prefix, _), entries in sorted(found.items()):
        entries.sort()
        if len(entries) > 1:
            out.append(Run(prefix, tuple(n for n, _ in entries), tuple(folder / name for _, name in entries)))
    return out


def runs_below(folder: Path, suffixes: tuple[str, ...] = IMAGES) -> list[Run]:
    """The runs in a folder and in the folders directly below it. Raises OSError where it cannot be listed."""
    inner = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    return [run for place in (folder, *map(Path, inner)) for run in runs(place, suffixes)]
