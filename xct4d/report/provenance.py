"""Which program made a page, on what, and when."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from datetime import datetime
from pathlib import Path

import xct4d
from xct4d.report.tables import Table
from xct4d.version import VERSION

PACKAGES = ("torch", "numba", "numpy", "scipy", "scikit-image", "zarr", "safetensors", "pydantic", "matplotlib")


def provenance() -> Table:
    """Date, commit, and versions of this program and of the packages that it computes with."""
    installed = [(name, importlib.metadata.version(name)) for name in PACKAGES]
    own = [("page written", datetime.now().astimezone().isoformat(" ", "minutes")), ("xct4d", VERSION)]
    if (at := commit()) is not None:
        own.append(("commit", at))
    system = f"{platform.system()} {platform.machine()}"
    return Table(["", "version"], [*own, ("Python", platform.python_version()), *installed, ("system", system)])


def commit() -> str | None:
    """The commit of the checkout that holds the program; "with changes" where files of it differ. None where it is no checkout."""
    root = Path(xct4d.__file__).resolve().parents[1]
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:  # an environment inside somebody's own repository
        return None
    at, changes = (
        _git(root, "rev-parse", "--short=12", "HEAD"),
        _git(root, "status", "--porcelain", "--untracked-files=no", "xct4d", "workflow"),
    )
    return at and at + (" with changes" if changes else "")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
