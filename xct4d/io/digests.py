"""Digests of an output's files, stored with it: damage that came later is noticed where the output is read.

Each output folder holds `.digests.json` with the size and the SHA-256 of every
other file in it. A Zarr group, in which no other program expects such a file,
holds them in its attribute `xct4d`; of the group's own `zarr.json` they count
all but themselves. A folder or file without digests, such as one that a user
wrote, is read unchecked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from xct4d.errors import InputError

NAME = ".digests.json"
GROUP = "zarr.json"
ATTRIBUTE = "digests"  # of a group's attribute `xct4d`
AT_ONCE = 4  # files; hashing lets other threads run


def write(folder: Path) -> None:
    """Store the digests of all files in a folder that is about to become an output."""
    group = folder / GROUP
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != group)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        digests = list(pool.map(file_digest, files))
    entries = {path.relative_to(folder).as_posix(): [path.stat().st_size, digest] for path, digest in zip(files, digests, strict=True)}
    if group.is_file():
        record = json.loads(group.read_text())
        record["attributes"]["xct4d"][ATTRIBUTE] = {GROUP: _of_record(record), **entries}
        group.write_text(json.dumps(record, indent=2))
    else:
        (folder / NAME).write_text(json.dumps(entries, indent=0))


def check_folder(folder: Path) -> None:
    """Read all files of an output. Raises InputError where one is not as it was written; files that came later do not count."""
    stored = _stored(folder)
    if stored is not None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: _check(folder, name, stored), stored))


def check_listing(folder: Path) -> None:
    """Look whether all files of an output are there, in their sizes; read only those named .json. Raises InputError where one is not."""
    stored = _stored(folder)
    for name in stored or ():
        _check(folder, name, stored, contents=name.endswith(".json"))


def check_files(folder: Path, names: Iterable[str]) -> None:
    """Read some files of an output. Raises InputError where one is missing, or is not as it was written."""
    stored = _stored(folder)
    if stored is not None:
        for name in names:
            _check(folder, name, stored)


def check_file(path: Path) -> None:
    """Read one file of an output. Raises InputError where it is missing, or is not as it was written."""
    check_files(path.parent, [path.name])


def recorded(path: Path) -> str:
    """SHA-256 of a file: the stored one where there is one, which who opened the file has checked; else of its bytes."""
    stored = _stored(path.parent)
    return file_digest(path) if stored is None or path.name not in stored else stored[path.name][1]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stored(folder: Path) -> dict[str, list] | None:
    """(size, digest) of each file of an output; None where none are stored."""
    name = NAME if (folder / NAME).is_file() else GROUP
    try:
        stored = json.loads((folder / name).read_text())
        if name == GROUP and (stored := _of_group(stored, folder)) is None:
            return None
        if not all(isinstance(size, int) and isinstance(digest, str) for size, digest in stored.values()):
            raise ValueError
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise _damaged(folder, name, "it cannot be read") from None
    return stored


def _of_group(record: dict, folder: Path) -> dict[str, list] | None:
    """The digests in a group's metadata, which must be what was written; None where there are none."""
    stored = record["attributes"].get("xct4d", {}).pop(ATTRIBUTE, None)
    if stored is not None and stored.pop(GROUP) != _of_record(record):
        raise _damaged(folder, GROUP, "its content is not what was written")
    return stored


def _of_record(record: dict) -> list:
    """(size, digest) of a group's metadata, however they are laid out."""
    content = json.dumps(record, sort_keys=True).encode()
    return [len(content), hashlib.sha256(content).hexdigest()]


def _check(folder: Path, name: str, stored: dict[str, list], *, contents: bool = True) -> None:
    if name not in stored:
        raise _damaged(folder, name, f"{NAME} does not know it")
    size, digest = stored[name]
    try:
        found = os.stat(folder / name).st_size
        if found != size:
            raise _damaged(folder, name, f"it has {found} bytes, not {size}")
        if contents and file_digest(folder / name) != digest:
            raise _damaged(folder, name, "its content is not what was written")
    except FileNotFoundError:
        raise _damaged(folder, name, "it is missing") from None
    except OSError as error:
        raise _damaged(folder, name, f"it cannot be read: {error.strerror}") from None


def _damaged(folder: Path, name: str, how: str) -> InputError:
    return InputError(f"is damaged ({how})", where=folder / name, fix=f"rm -r {shlex.quote(str(folder))}, then start again")
