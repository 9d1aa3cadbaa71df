"""One process at a time writes an output; a second one is told which has it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xct4d.errors import InputError

try:
    import fcntl
except ImportError:  # there is none on Windows
    fcntl = None


@contextmanager
def held_alone(output: Path, lock: Path) -> Iterator[None]:
    """Hold the lock on an output for as long as the block lasts; it ends with the process, however that ends.

    lock: file that is locked, made where it is missing and removed at the end.
    The lock is POSIX's (fcntl), which children of this process do not inherit
    and which network file systems share between computers. A file system that
    has no locks is written without one. Raises InputError where another process
    holds the lock.
    """
    file = _acquired(output, lock)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(file)


def _acquired(output: Path, lock: Path) -> int:
    """The open and locked file. Who waits with the old file, removed by the last holder, begins again with the new one."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if _is_free(file) and _is_the_same(file, lock):
            os.ftruncate(file, 0)
            os.pwrite(file, f"process {os.getpid()} of {socket.gethostname()}\n".encode(), 0)
            return file
        held = _is_the_same(file, lock)
        holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "another process"
        os.close(file)
        if held:
            raise InputError(f"is being written by {holder}", where=output, fix="wait until that has ended, or end it; then start again")


def _is_free(file: int) -> bool:
    """Whether this process has the lock now, or there are no locks."""
    if fcntl is None:
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as the system likes
        return False
    except OSError:  # this file system has no locks
        return True
    return True


def _is_the_same(file: int, path: Path) -> bool:
    """Whether an open file still has that name."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
