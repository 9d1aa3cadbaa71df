"""What formats have in common in which one file describes one scan: which scan is whose, and what it depends on.

A dataset has one such file, which makes it static, or names two as `forward`
and `backward`, and a third as `between` where its projections have times; that
may follow a scan alone, without another at its end. Each
may lie in a folder of its own below the dataset's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from xct4d.config import Input
from xct4d.directions import State
from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.reader import Acquisition, Dataset, Reader
from xct4d.readers.unused import unused_images, unused_volumes

CLOSING = 0.05  # steps of rotation from the first projection's direction within which the last one repeats it


class ScanReader(Reader):
    """A format whose scans each have a file that describes them. A subclass says which, what it needs, and what is in it."""

    alone: ClassVar[bool] = True  # whether every description in the dataset's folder must be named as a state, lest a scan be forgotten

    @abstractmethod
    def describes(self, name: str) -> bool:
        """Whether a file of this name, which the configuration gives, describes a scan of this format."""

    @abstractmethod
    def descriptions(self, folder: Path) -> list[Path]:
        """Files directly in a folder that describe scans, sorted; told by names alone. Raises OSError where the folder cannot be listed."""

    @abstractmethod
    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        """The description and every other file of one scan, inside the dataset's folder.

        together: the descriptions of all scans of the dataset, which should
        agree in where their angles come from. Raises InputError; imports no numpy.
        """

    @abstractmethod
    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        """One scan, its geometry and times checked. Raises InputError."""

    def can_read(self, folder: Path, options: Input) -> bool:
        if options.forward is not None:
            return self.describes(options.forward)
        try:
            return bool(self.descriptions(folder))
        except OSError:
            return False

    def files(self, folder: Path, options: Input) -> dict[State, list[Path]]:
        named = self._named(folder, options)
        own = {state: self.scan_files(path, folder, [*named.values()]) for state, path in named.items()}
        # what holds for all scans, such as the clock, comes from the descriptions of all
        return {state: list(dict.fromkeys([paths[0], *named.values(), *paths[1:]])) for state, paths in own.items()}

    def open(self, folder: Path, options: Input) -> Dataset:
        named = self._named(folder, options)
        acquisitions = {state: self.scan(path, folder, [*named.values()], options) for state, path in named.items()}
        if "between" in acquisitions and any(projection.time is None for projection in acquisitions["between"].projections):
            path = acquisitions["between"].path
            raise InputError("has no times for its projections", where=path, fix="write a table with the column time (docs/scanners.md)")
        noted = {state: one if state == "between" else _noting_a_closing_frame(one) for state, one in acquisitions.items()}
        used = [file.resolve() for path in named.values() for file in self.scan_files(path, folder, [*named.values()])]
        left = [*unused_images(folder, used), *unused_volumes(folder, options)]
        noted["forward"] = replace(noted["forward"], notes=[*noted["forward"].notes, *left])
        return Dataset(noted)

    def _named(self, folder: Path, options: Input) -> dict[State, Path]:
        """The description of each state."""
        named: dict[State, Path] = {}
        given: dict[State, str | None] = {"forward": options.forward, "backward": options.backward, "between": options.between}
        for state, name in given.items():
            if name is None:
                continue
            named[state] = safe_path(folder, name, f"input.{state}")
            if not named[state].is_file():
                raise InputError(f"no such file in {folder}", where=f"input.{state}: {name}")
        if len(set(named.values())) < len(named):
            raise InputError(
                "one file is named for several states", where=folder, fix="give input.forward, backward and between files of their own"
            )
        found = self.descriptions(folder)  # in the folder itself
        if not named and len(found) == 1:
            named["forward"] = found[0]
        if "forward" not in named or (self.alone and not set(found) <= set(named.values())):
            names = ", ".join(path.name for path in found) or "none is named"
            fix = "name them as input.forward and input.backward, or move the others away"
            raise InputError(f"which scan is whose: {names}?", where=folder, fix=fix)
        return named


def _noting_a_closing_frame(scan: Acquisition) -> Acquisition:
    """The scan, with a note where its last projection shows the sample from the first one's direction again: scanners check drift with it."""
    if len(scan.projections) < 3:
        return scan
    first, second, last = (scan.projections[i].camera_to_world[0, :, 2] for i in (0, 1, -1))
    if ((last - first) ** 2).sum() > (CLOSING * ((second - first) ** 2).sum() ** 0.5) ** 2:
        return scan
    note = f"the last projection, {scan.projections[-1].name}, shows the first one's direction again; it is used as any other"
    return replace(scan, notes=[*scan.notes, note])
