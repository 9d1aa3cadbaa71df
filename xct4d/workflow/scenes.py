"""The folder of the scenes that come with the program."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def shipped_scenes() -> Path:
    """config/scenes of a checkout; of an installed package share/xct4d/scenes, where pyproject.toml puts them (data-files)."""
    checkout = PACKAGE.parent / "config" / "scenes"
    if checkout.is_dir():
        return checkout
    # an installation's data lie beside its lib/python3.x/site-packages, or beside the package itself (pip install --target)
    return next((found for folder in PACKAGE.parents if (found := folder / "share" / "xct4d" / "scenes").is_dir()), checkout)
