"""Memory between the steps of a training."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt(3)


def keep_freed_memory() -> None:
    """Have the C library keep freed memory, rather than return it to the system and fetch it back page by page.

    A training step frees and takes the same tens of megabytes every time; kept,
    a step of the canonical is an eighth shorter. Does nothing where the C
    library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, 2**30)
        mallopt(M_MMAP_THRESHOLD, 2**30)
