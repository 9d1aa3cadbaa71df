"""Words of the page that follow from its units."""

from __future__ import annotations

from xct4d.units import LENGTH, Scale


def lengths(scale: Scale) -> str:
    """The unit of length after a number."""
    return "world units" if scale.unit_mm is None else scale.length_unit


def length(value: float, scale: Scale) -> str:
    """A length in world units, to two digits in the dataset's unit."""
    return f"{value * scale.factor(LENGTH):.2g} {lengths(scale)}"
