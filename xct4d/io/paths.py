"""Paths that a dataset names may not leave the dataset's folder."""

from __future__ import annotations

from pathlib import Path

from xct4d.errors import InputError


def safe_path(folder: Path, relative: object, where: object) -> Path:
    """folder / relative, if that lies inside the folder, symbolic links followed.

    The file need not exist. where: the file and key that name the path. Raises
    InputError for an absolute path, one that climbs out with "..", or one that
    a link leads out.
    """
    if not isinstance(relative, str) or not relative.strip() or "\0" in relative:
        raise InputError(f"must be a file name, not {relative!r}", where=where)
    path = Path(folder) / relative
    if Path(relative).is_absolute():
        raise InputError(f"{relative} is an absolute path", where=where, fix="name it relative to the dataset's folder")
    try:
        inside = path.resolve().is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError):  # links that lead in a circle
        inside = False
    if not inside:
        raise InputError(f"{relative} lies outside the dataset's folder {folder}", where=where, fix="copy the file into that folder")
    return path
