"""numba, told where to store the kernels that it compiles; modules whose kernels are stored import numba from here.

Numba notices a change of the file a kernel stands in, but not of a file whose
functions the kernel calls: after an update it would go on running old code
without a word. So every state of the sources has a folder of its own. In it,
so has every Python and numba: numba rewrites the index of another version, and
two environments that work on one checkout would read each other's kernels.

A kernel that is compiled and run in one process is not, bit for bit, the one
that later processes load: LLVM optimises the stored copy once more, and sums
come out in another order. So jobs run stored kernels only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import RLock

import numba
from numba.core.dispatcher import Dispatcher

from xct4d.errors import InputError
from xct4d.progress import say

__all__ = ["FOLDER", "numba", "remove_stale_kernels", "run_stored_kernels_only", "stored"]

PACKAGE = Path(__file__).parent
STALE = 7 * 24 * 3600  # seconds after which kernels of other sources that no job has used are removed


def folder() -> Path | None:
    """Where kernels are stored, a folder that exists and can be written; None where there is none.

    NUMBA_CACHE_DIR, if the user has set it; else beside the package, in the
    user's home, or in a folder of this user alone below the system's temporary
    one: the first of them that can be written. Raises InputError where
    NUMBA_CACHE_DIR cannot be written.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        if not _can_be_written(Path(chosen)):
            raise InputError(
                f"no kernel can be stored in {chosen}", where="NUMBA_CACHE_DIR", fix="set it to a folder that you may write to, or unset it"
            )
        return Path(chosen)
    environment = f"python{sys.version_info.major}.{sys.version_info.minor}-numba{version('numba')}-llvmlite{version('llvmlite')}"
    places = (parent / f"kernels-{_sources()}" / environment for parent in _parents())
    return next(filter(_can_be_written, places), None)


def _parents() -> Iterator[Path]:
    """Folders below which kernels may be stored, the best first."""
    yield PACKAGE / "__pycache__"
    with suppress(RuntimeError):  # a user without a home, as in containers
        yield Path.home() / ".cache" / "xct4d"
    with suppress(OSError, AttributeError):  # no temporary folder; a system without user numbers
        own = Path(tempfile.gettempdir(), f"xct4d-{os.getuid()}")
        with suppress(FileExistsError):
            own.mkdir(mode=0o700)
        found = own.lstat()
        # numba runs what it finds there: nobody else may have made it, or may write into it
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            yield own


def _can_be_written(place: Path) -> bool:
    """Whether files can be written in a folder, which is made where it is missing."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True


@cache
def _sources() -> str:
    """16 hexadecimal digits: the present sources of all kernels."""
    digest = hashlib.sha256()
    for source in sorted(PACKAGE.rglob("*.py")):
        text = source.read_bytes()
        # in kernels/ a module without numba may hold what the kernel of another calls or reads
        if b"import numba" in text or PACKAGE / "kernels" in source.parents:
            digest.update(source.relative_to(PACKAGE).as_posix().encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


FOLDER = folder()
if FOLDER is not None:
    numba.config.CACHE_DIR = str(FOLDER)
else:
    say(
        "compiled kernels can be stored nowhere, so that every process compiles them: set NUMBA_CACHE_DIR to a folder that you may write to"
    )
    Dispatcher.enable_caching = lambda self: None  # asked to store a kernel, numba would fail


def stored(what: str, compilers: Iterable[str], make: Callable[[], bytes]) -> bytes:
    """Machine code for a GPU: what `make` returned for the same sources and compilers once, if it is stored; else what it returns now.

    what: all that the code depends on beside the sources and the compilers, which are names of packages.
    """
    if FOLDER is None:
        return make()
    depends = [what, _sources(), *(f"{name} {_version(name)}" for name in compilers)]
    file = FOLDER / f"{hashlib.sha256(repr(depends).encode()).hexdigest()[:32]}.gpu"
    with suppress(OSError):
        found = file.read_bytes()
        if hashlib.sha256(found[32:]).digest() == found[:32]:  # else it was damaged on its way to the disk
            return found[32:]
    code = make()
    temporary = file.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # a full disk costs the next job its time, nothing else
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(hashlib.sha256(code).digest() + code)
        temporary.replace(file)
    return code


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def remove_stale_kernels() -> None:
    """Remove kernels of other states of the sources that no job has used for a week; for jobs of the workflow.

    A folder that the user has chosen is left alone.
    """
    if FOLDER is None or "NUMBA_CACHE_DIR" in os.environ:
        return
    present = FOLDER.parent
    with suppress(OSError):  # another job may be doing the same
        os.utime(present)
        for other in present.parent.glob("kernels-*"):
            if time.time() - other.stat().st_mtime > STALE:
                shutil.rmtree(other, ignore_errors=True)


def run_stored_kernels_only() -> None:
    """From now on numba compiles in a child process, which stores the kernel; this one loads it.

    A first run then computes what every later one does, and a killed job that
    is resumed what an undisturbed one does. A kernel that cannot be stored is
    compiled here as usual. The first one is announced, as it takes a while.
    One thread compiles at a time: a child that is forked while another thread
    holds a lock of the compiler would wait for it for ever.
    """
    told, one_at_a_time = False, RLock()

    def compile_apart(self, signature):
        with one_at_a_time:
            return _compile_apart(self, signature)

    def _compile_apart(self, signature):
        nonlocal told
        if signature not in self.overloads and self._cache.cache_path is not None and not _is_stored(self, signature):
            if not told:
                told = True
                say("compiles kernels for this computer, once: later jobs and runs load them")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # other threads run: the child only compiles
                child = os.fork()
            if child == 0:
                failed = 1
                try:
                    compile_here(self, signature)
                    failed = 0
                finally:
                    os._exit(failed)  # no cleaning up: the parent's files and threads are not the child's
            os.waitpid(child, 0)
        return compile_here(self, signature)

    compile_here, Dispatcher.compile = Dispatcher.compile, compile_apart


def _is_stored(dispatcher, signature) -> bool:
    """Whether numba's cache has a kernel for these types."""
    cache = dispatcher._cache
    return cache._index_key(signature, dispatcher.targetctx.codegen()) in cache._cache_file._load_index()
