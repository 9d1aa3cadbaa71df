"""Where numba keeps compiled kernels.

Numba notices a change of the file a kernel stands in, but not of a file whose
functions the kernel calls: after an update it would go on running old code
without a word. So every state of the sources has a cache of its own. In it,
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
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
KEPT = 7 * 24 * 3600  # seconds that kernels of other sources are kept


def choose_cache() -> None:
    """Point numba to the cache of the present sources and environment, unless the user has chosen a place.

    Call before numba loads. Where numba is not installed (Snakemake's own
    environment under conda), nothing is compiled and nothing chosen.
    """
    parent = PACKAGE / "__pycache__" if os.access(PACKAGE, os.W_OK) else Path.home() / ".cache" / "xct4d"
    # A place in there comes from the process that started this one, perhaps with another numba.
    if "NUMBA_CACHE_DIR" in os.environ and parent not in Path(os.environ["NUMBA_CACHE_DIR"]).parents:
        return
    try:
        environment = f"python{sys.version_info.major}.{sys.version_info.minor}-numba{version('numba')}-llvmlite{version('llvmlite')}"
    except PackageNotFoundError:
        return
    chosen = parent / f"kernels-{_sources()}"
    if not chosen.exists():
        for old in parent.glob("kernels-*"):  # another checkout may be using a young one
            if time.time() - old.stat().st_mtime > KEPT:
                shutil.rmtree(old, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(chosen / environment)


@cache
def _sources() -> str:
    """16 hexadecimal digits: the present sources of all kernels."""
    digest = hashlib.sha256()
    for source in sorted(PACKAGE.rglob("*.py")):
        text = source.read_bytes()
        if b"numba" in text:
            digest.update(source.relative_to(PACKAGE).as_posix().encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


def stored(what: str, compilers: Iterable[str], make: Callable[[], bytes]) -> bytes:
    """Machine code for a GPU, from the cache or else made and put there.

    what: all that the code depends on beside the sources and the compilers, which are names of packages.
    """
    depends = [what, _sources(), *(f"{name} {_version(name)}" for name in compilers)]
    file = Path(os.environ["NUMBA_CACHE_DIR"], f"{hashlib.sha256(repr(depends).encode()).hexdigest()[:32]}.gpu")
    with suppress(OSError):
        found = file.read_bytes()
        if hashlib.sha256(found[32:]).digest() == found[:32]:  # else it was lost on its way to the disk
            return found[32:]
    code = make()
    temporary = file.with_suffix(f".{os.getpid()}")
    with suppress(OSError):  # a place that cannot be written costs the next job its time, nothing else
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(hashlib.sha256(code).digest() + code)
        temporary.replace(file)
    return code


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def run_stored_kernels_only() -> None:
    """From now on numba compiles in a child process, which stores the kernel; this one loads it.

    A first run then computes what every later one does, and a killed job that
    is resumed what an undisturbed one does. A kernel that cannot be stored is
    compiled here as usual.
    """
    from numba.core.dispatcher import Dispatcher

    def compile_apart(self, signature):
        if signature not in self.overloads and self._cache.cache_path is not None and not _is_stored(self, signature):
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
