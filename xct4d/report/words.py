"""Words of the page that follow from its units."""

from __future__ import annotations

from xct4d.units import LENGTH, Scale


def lengths(scale: Scale) -> str:
    """The unit of length after a number."""
    return "world units" if scale.unit_mm is None else scale.length_unit


def time_label(t: float, scale: Scale) -> str:
    """A time in [0, 1], and in seconds where they are known."""
    return f"t = {t:g}" + ("" if scale.duration_s is None else f" ({t * scale.duration_s:.4g} s)")


def length(value: float, scale: Scale) -> str:
    """A length in world units, to two digits in the dataset's unit."""
    return f"{value * scale.factor(LENGTH):.2g} {lengths(scale)}"
