"""Values of a transforms file: numbers that must be what they are taken for, and where they stand."""

from __future__ import annotations

import reprlib
import sys

import numpy as np

from xct4d.errors import InputError

LARGEST = 100_000  # pixels along one side of a detector


def finite_numbers(values: list, where: str) -> np.ndarray:
    """[len(values)] float64. Raises InputError for a text, a truth value, NaN, infinity and whole numbers beyond a float."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
            raise InputError(f"must be a finite number, not {reprlib.repr(value)}", where=where)
    return np.array(values, dtype=np.float64)


def number(tree: dict, key: str, where: str, default: float | None = None) -> float:
    """The number under a key. Raises InputError where it is none, or missing without a default."""
    if key not in tree:
        if default is None:
            raise InputError("is missing", where=at(where, key), fix="give it for the dataset or for every frame")
        return default
    return float(finite_numbers([tree[key]], at(where, key))[0])


def positive(tree: dict, key: str, where: str) -> float | None:
    """The number under a key, None where it is missing. Raises InputError where it is not positive."""
    if tree.get(key) is None:
        return None
    value = number(tree, key, where)
    if value <= 0:
        raise InputError(f"must be positive, not {value:g}", where=at(where, key))
    return value


def whole_pixels(tree: dict, key: str, where: str) -> int:
    """The number of pixels under a key. Raises InputError where it is not whole, or no detector has so many."""
    value = number(tree, key, where)
    if not 1 <= value <= LARGEST or value != int(value):
        raise InputError(f"must be a whole number of pixels, not {value:g}", where=at(where, key))
    return int(value)


def at(where: str, key: str) -> str:
    """A key of a frame ("... frames[3] (a.png).fl_x") or of the whole file ("a.json: fl_x")."""
    return f"{where} {key}" if where.endswith(":") else f"{where}.{key}"
