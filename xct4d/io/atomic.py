"""Outputs appear whole or not at all: written under a temporary name, then renamed.

A killed run leaves at most a temporary beside the target; the next start of the
same output removes it. Two processes never write one output: the second is told
who does. What is renamed is on the disk before, so that a power cut leaves the
old or the new output and nothing in between. A full disk or an unwritable place
is the user's to mend, so it becomes an InputError.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from xct4d.errors import InputError
from xct4d.io import digests
from xct4d.io.output_lock import held_alone

FLUSHED_AT_ONCE = 8  # files: a disk writes many together faster than one by one
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
# numpy's tofile and the Rust libraries lose the errno and keep only these words
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "requested and")


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill; with the digests of its files it takes the place of `path` when the block ends well.

    An older folder at `path` stays until then. If the block raises, the temporary
    is removed and `path` is as before. Raises InputError where `path` or its
    parent cannot be written, the disk is full, or another process is writing `path`.
    """
    path = Path(path)
    with _temporary(path) as temporary:
        if path.exists() and not path.is_dir():
            raise InputError("is a file, not a folder", where=path, fix="move it away or choose another output folder")
        temporary.mkdir()
        yield temporary
        digests.write(temporary)
        _flush([temporary, *temporary.rglob("*")])
        if path.exists() and any(path.iterdir()):
            # a folder cannot be renamed onto a filled one; an empty one is Snakemake's, made for an output inside it
            old = _beside(path, "old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            temporary.rename(path)
        _flush([path.parent])


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A file name to write; the file takes the place of `path` when the block ends well.

    The temporary ends in `path`'s suffix, for writers that look at it. If the
    block raises, the temporary is removed and `path` is as before. Raises
    InputError where `path` cannot be written, the disk is full, or another
    process is writing `path`.
    """
    path = Path(path)
    with _temporary(path) as temporary:
        if path.is_dir():
            raise InputError("is a folder, not a file", where=path, fix="move it away or choose another output")
        yield temporary
        _flush([temporary])
        os.replace(temporary, path)
        _flush([path.parent])


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """The name under which this process, and no other, writes `path`; nothing of that name is left where the block raises."""
    with _explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _as_input_error(error, path) or InputError(
                f"its folder cannot be made ({error.strerror})", where=path, fix="choose another output folder"
            ) from None
        lock, temporary = _beside(path, "lock"), _beside(path, str(os.getpid()))
        with held_alone(path, lock):
            _remove_stale(path, lock)
            try:
                yield temporary
            except BaseException:
                _remove(temporary)
                raise


def _remove_stale(path: Path, lock: Path) -> None:
    """Remove what killed runs left beside `path`: who holds its lock is the only one that writes it."""
    old = _beside(path, "old")
    if old.exists() and not path.exists():  # killed between the two renames
        old.rename(path)
    for left in path.parent.glob(f".{_escaped(path.name)}.xct4d-*"):
        if left != lock:
            _remove(left)


def _beside(path: Path, tag: str) -> Path:
    return path.with_name(f".{path.name}.xct4d-{tag}{path.suffix}")


def _flush(paths: list[Path]) -> None:
    """Wait until files, and the names in folders, are on the disk."""
    with ThreadPoolExecutor(FLUSHED_AT_ONCE) as pool:
        list(pool.map(_flush_one, paths))


def _flush_one(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot do it
            raise
    finally:
        os.close(file)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        explained = _as_input_error(error, path)
        if explained is None:
            raise
        raise explained from None


def _as_input_error(error: BaseException, path: Path) -> InputError | None:
    if not isinstance(error, Exception) or isinstance(error, InputError):
        return None
    code = getattr(error, "errno", None)
    if code in _FULL or (code is None and any(words in str(error) for words in _FULL_WORDS)):
        reason = os.strerror(code) if code == errno.EFBIG else "the disk is full"
        return InputError(reason, where=path, fix="free space there or choose another output folder, then start again")
    if code in _REFUSED and _is_inside(getattr(error, "filename", None), path.parent):
        return InputError(
            f"cannot be written ({os.strerror(code)})", where=path, fix="check its permissions or choose another output folder"
        )
    return None


def _is_inside(name: object, folder: Path) -> bool:
    """Whether a refused file belongs to the output; an unreadable input is another's error."""
    return name is None or Path(os.path.abspath(str(name))).is_relative_to(os.path.abspath(folder))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
