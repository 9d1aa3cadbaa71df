"""Where numba keeps compiled kernels.

Numba notices a change of the file a kernel stands in, but not of a file whose
functions the kernel calls: after an update it would go on running old code
without a word. So every state of the sources has a cache of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

PACKAGE = Path(__file__).parent


def choose_cache() -> None:
    """Point numba to the cache of the present sources, unless the user has chosen a place. Call before numba loads."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    digest = hashlib.sha256()
    for source in sorted(PACKAGE.rglob("*.py")):
        text = source.read_bytes()
        if b"numba" in text:
            digest.update(source.relative_to(PACKAGE).as_posix().encode() + b"\0" + text + b"\0")
    parent = PACKAGE / "__pycache__" if os.access(PACKAGE, os.W_OK) else Path.home() / ".cache" / "xct4d"
    chosen = parent / f"kernels-{digest.hexdigest()[:16]}"
    if not chosen.exists():
        for old in parent.glob("kernels-*"):
            shutil.rmtree(old, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(chosen)
