"""Kernels that this checkout has stored, for a copy of it."""

import shutil
from pathlib import Path

from numba.core.caching import _CacheLocator

from workflow import ROOT
from xct4d.compilation import FOLDER


def lend(root: Path) -> None:
    """Numba finds them by the folder of their module and the time of its file, which copies keep.

    Sources that were changed have a folder of their own (xct4d.compilation): nothing of this is found for them.
    """
    if FOLDER is None or ROOT not in FOLDER.parents:  # the user has chosen a place
        return
    for package in {path.parent for path in (ROOT / "xct4d").rglob("*.py")}:
        of, to = (str(place / package.relative_to(ROOT) / "module.py") for place in (ROOT, root))
        stored = FOLDER / _CacheLocator.get_suitable_cache_subpath(of)
        if stored.is_dir():
            lent = root / FOLDER.relative_to(ROOT) / _CacheLocator.get_suitable_cache_subpath(to)
            shutil.copytree(stored, lent, ignore=shutil.ignore_patterns("*.tmp.*"))  # another process may be storing one
