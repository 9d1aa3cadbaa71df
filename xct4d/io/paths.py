"""Paths that a dataset or a description names may not leave its folder."""

from __future__ import annotations

import reprlib
import stat
import unicodedata
from pathlib import Path

from xct4d.errors import InputError


def safe_path(folder: Path, relative: object, where: object) -> Path:
    """folder / relative, if that lies inside the folder, symbolic links followed.

    The file need not exist. Where there is one under the same name with accents
    composed otherwise (one character or two), as copies between
    systems make them, that is the path. where: the file and key that name the path. Raises
    InputError for an absolute path, one that climbs out with "..", one that
    a link leads out, or one that no file can have.
    """
    if not isinstance(relative, str) or not relative.strip() or "\0" in relative:
        raise InputError(f"must be a file name, not {reprlib.repr(relative)}", where=where)
    path = Path(folder) / relative
    if Path(relative).is_absolute():
        raise InputError(f"{relative} is an absolute path", where=where, fix=f"name it relative to {folder}")
    try:
        if not path.resolve().is_relative_to(Path(folder).resolve()):
            raise InputError(f"{relative} lies outside the folder {folder}", where=where, fix="copy the file into that folder")
        refuse_special(path, where)
        path.stat()
    except FileNotFoundError:
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, relative)
            if other != relative and (Path(folder) / other).exists():
                return safe_path(folder, other, where)
        if "\\" in relative:
            raise InputError(f"there is no file {relative}", where=where, fix="write / in place of \\ between folders") from None
    except (OSError, RuntimeError, UnicodeError) as error:  # too long, closed, a circle of links; half a character
        shown = getattr(error, "strerror", None) or "no file can have this name"
        raise InputError(f"{reprlib.repr(relative)} cannot be read ({shown})", where=where) from None
    return path


def refuse_special(path: Path, where: object) -> None:
    """Raise InputError for a named pipe, a socket or a device, of which reading may never end; a path that is not there is no such thing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{path} is a pipe or a device, not a file", where=where if where != path else None, fix="name a file")
