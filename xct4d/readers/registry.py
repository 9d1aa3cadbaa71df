"""The table of formats, and which of them a folder is.

Formats are named by module and class and imported when a folder is to be
recognised. So the digest of a workflow script does not count every format, but
the rule that prepares a dataset counts the one that reads it (`reader_module`):
a new format, or a change of one, prepares no other dataset again.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.reader import Reader

# Asked in this order: a transforms file beside a scanner's own files was made to be used.
FORMATS = (
    "xct4d.readers.reference.reader:ReferenceReader",
    "xct4d.readers.table.reader:TableReader",  # written by hand, as transforms files are
    "xct4d.readers.nikon.reader:NikonReader",
    "xct4d.readers.hdf5.reader:Hdf5Reader",
    "xct4d.readers.zeiss.reader:ZeissReader",
    "xct4d.readers.phoenix.reader:PhoenixReader",
    "xct4d.readers.bruker.reader:BrukerReader",
    "xct4d.readers.leap.reader:LeapReader",
)
ENTRY_POINTS = "xct4d.readers"  # group under which other packages offer formats, in the same notation


def reader_of(folder: str | Path, options: Input) -> Reader:
    """The first reader that can read a folder; those of other packages are asked last.

    Raises InputError where there is no such folder, or nothing in it is known.
    """
    return readers_of(folder, options)[0]


def readers_of(folder: str | Path, options: Input) -> list[Reader]:
    """Every reader that can read a folder, at least one, in the order in which they are asked. Raises InputError as reader_of does."""
    folder = Path(folder)
    if not os.path.isdir(folder):  # unlike Path.is_dir, no exception for a name that is too long
        raise InputError("is not a folder" if os.path.exists(folder) else "no such folder", where=folder, fix="check input.folder")
    known = [*_own_formats(), *_formats_of_other_packages()]
    found = [reader for reader in known if reader.can_read(folder, options)]
    if not found:
        asked = ", ".join(f"no {reader.looks_for} ({reader.name})" for reader in known)
        raise InputError(
            f"has {asked}",
            where=folder,
            fix="check input.folder, name the file as input.forward, or write a table of images and angles (docs/scanners.md)",
        )
    return found


def reader_module(reader: Reader) -> str:
    """Dotted name of the module that holds a reader."""
    return type(reader).__module__


@cache
def _own_formats() -> list[Reader]:
    readers = []
    for entry in FORMATS:
        module, _, name = entry.partition(":")
        readers.append(getattr(import_module(module), name)())
    return readers


@cache
def _formats_of_other_packages() -> list[Reader]:
    return [point.load()() for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)]
