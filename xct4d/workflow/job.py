"""The surroundings of a stage that runs as a job: its log, its number of threads, errors in one line."""

from __future__ import annotations

import atexit
import faulthandler
import gc
import io
import os
import re
import site
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from xct4d.allocator import keep_freed_memory
from xct4d.errors import InputError
from xct4d.io.job_cost import cost_line
from xct4d.progress import name_dataset
from xct4d.workflow.failures import TOLD_LAST

PACKAGE = Path(__file__).parents[1]
# what Python, numpy, torch, CUDA and the loader of libraries say where there is no memory left
NO_MEMORY = re.compile(r"allocate memory|out of memory|bad_alloc|failed to map segment|Unable to allocate|not enough memory", re.IGNORECASE)
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")  # colours and cursor movements


@contextmanager
def job(log: str | Path, threads: int, dataset: str = "") -> Iterator[None]:
    """Run a stage as a job of the workflow.

    log: file that receives a copy of everything printed. threads: CPU threads
    of numba and torch; import the stage inside the block, as the limits only
    hold for what is loaded after them. dataset: whose name progress lines
    begin with. InputError ends the process with
    status 1 after its one line on stderr and in the log, and so does too little
    memory; anything else keeps its traceback. The streams stay doubled until
    the process ends, so that the traceback reaches the log too. A library that
    aborts the process, as some do without memory, leaves there where it was.
    The log of a stage that ends well closes with what the process took.
    """
    start = time.perf_counter()
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    # numba and torch have pools of their own: one that waits must not spin on the cores of the other
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import_own_packages_only()
    Path(log).write_text("")
    # appended to, so that an older run that is still alive leaves no holes in it
    copy = open(log, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - open until the process ends
    faulthandler.enable(copy)
    keep_freed_memory()
    atexit.register(gc.freeze)  # the end of the process frees all: to look for cycles among torch's modules first takes 0.9 s
    name_dataset(dataset)
    sys.stdout, sys.stderr = Doubled(sys.stdout, copy), Doubled(sys.stderr, copy)
    try:
        from xct4d.compilation import remove_stale_kernels, run_stored_kernels_only  # numba reads the limits above as it loads

        remove_stale_kernels()
        run_stored_kernels_only()
        yield
        print(cost_line(time.perf_counter() - start), file=copy)
    except InputError as error:
        _fail(copy, str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except (MemoryError, RuntimeError, ImportError, OSError) as error:
        if not isinstance(error, MemoryError) and NO_MEMORY.search(str(error)) is None:
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        _fail(copy, f"the memory does not suffice ({reason}); run fewer jobs at once, or choose smaller values")


def _fail(log: io.TextIOBase, line: str) -> None:
    """End with a line in the log; on stderr too, unless Snakemake tells it when all jobs are done."""
    print(line, file=log if TOLD_LAST in os.environ else sys.stderr)
    sys.exit(1)


def import_own_packages_only() -> None:
    """Remove from the import path the packages beside Snakemake, if the job runs in an environment of its own (conda).

    Snakemake appends its own import path. A package that the environment lacks
    would be taken from there, unseen, or crash because it was made for another
    Python.
    """
    snakemake = getattr(sys.modules.get("snakemake"), "__file__", None)
    # Snakemake takes PYTHONPATH from jobs that run in an environment of their own
    same = [*site.getsitepackages(), site.getusersitepackages(), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    if snakemake is None or str(Path(snakemake).parents[1]) in same:
        return  # Snakemake runs in the same environment
    own = {Path(sys.prefix), Path(sys.base_prefix)}
    sys.path[:] = [entry for entry in sys.path if Path(entry) == PACKAGE.parent or own & {*Path(entry).parents}]


class Doubled(io.TextIOBase):
    """A text stream that also writes to a log, there without colours and cursor movements."""

    encoding = "utf-8"

    def __init__(self, stream: TextIO, copy: TextIO):
        self._stream, self._copy = stream, copy

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._stream.write(text)
        self._copy.write(CONTROL.sub("", text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
        self._copy.flush()

    def fileno(self) -> int:
        return self._stream.fileno()
