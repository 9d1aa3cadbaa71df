"""Typed reading of the mappings that describe objects and motions.

Every complaint is an InputError that names the file and the key, for example
`lattice.yaml: uc.objects[3].radius: must be a number above 0, not 'thick'`.
"""

from __future__ import annotations

import difflib
import math
from typing import Any

import numpy as np

from xct4d.errors import InputError


class Description:
    """A mapping whose values are taken key by key; `finish` refuses the keys that were never taken.

    Each method that takes a value raises InputError, naming file and key, where
    it is missing and has no default, or is not what the method says.
    """

    def __init__(self, tree: Any, where: str):
        self.where = where
        if not isinstance(tree, dict):
            raise InputError(f"must map keys to values, not {_shown(tree)}", where=where)
        self._tree, self._taken = tree, set()

    def _key(self, key: str) -> str:
        return f"{self.where}.{key}" if not self.where.endswith(": ") else f"{self.where}{key}"

    def below(self, key: str) -> str:
        """Where the value of a key is, for complaints about it."""
        return self._key(key)

    def fail(self, key: str, what: str, fix: str | None = None) -> InputError:
        """A complaint about the value of a key, to be raised."""
        return InputError(what, where=self._key(key), fix=fix)

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._tree

    def value(self, key: str, default: Any = ...) -> Any:
        """Any value."""
        self._taken.add(key)
        if key not in self._tree:
            if default is not ...:
                return default
            near = difflib.get_close_matches(key, [k for k in self._tree if isinstance(k, str)], n=1, cutoff=0.7)
            raise self.fail(key, "is required", f"rename {near[0]}?" if near else None)
        return self._tree[key]

    def number(self, key: str, default: Any = ..., *, above: float = -math.inf, least: float = -math.inf) -> float:
        """A finite number greater than `above` and not below `least`."""
        value = self.value(key, default)
        if not is_number(value) or not (value > above and value >= least):
            raise self.fail(key, f"must be a number{_limit(above, least)}, not {_shown(value)}", exponent_hint(value))
        return float(value)

    def vector(self, key: str, length: int = 3, *, above: float = -math.inf, least: float = -math.inf) -> np.ndarray:
        """[length] float64, each entry limited as in `number`."""
        return self._numbers(key, self.value(key), length, above, least)

    def matrix(self, key: str, rows: int | None, columns: int) -> np.ndarray:
        """[rows, columns] float64; any number of rows from 1 where `rows` is None."""
        value = self.value(key)
        if not isinstance(value, list) or not value or (rows is not None and len(value) != rows):
            count = f"{rows} rows" if rows is not None else "a list"
            raise self.fail(key, f"must be {count} of {columns} numbers, not {_shown(value)}")
        return np.stack([self._numbers(f"{key}[{i}]", row, columns) for i, row in enumerate(value)])

    def counts(self, key: str, length: int) -> tuple[int, ...]:
        """So many whole numbers above 0."""
        value = self.value(key)
        whole = isinstance(value, list) and len(value) == length and all(is_number(v) and v == int(v) and v >= 1 for v in value)
        if not whole:
            raise self.fail(key, f"must be {length} whole numbers above 0, not {_shown(value)}")
        return tuple(int(v) for v in value)

    def choice(self, key: str, options: tuple[str, ...], default: Any = ...) -> str:
        """One of the options."""
        value = self.value(key, default)
        if value not in options:
            near = difflib.get_close_matches(str(value), options, n=1, cutoff=0.5)
            raise self.fail(key, f"must be one of {', '.join(options)}, not {_shown(value)}", f"did you mean {near[0]}?" if near else None)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or False."""
        value = self.value(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, f"must be true or false, not {_shown(value)}")
        return value

    def text(self, key: str) -> str:
        """Text that is not empty."""
        value = self.value(key)
        if not isinstance(value, str) or not value:
            raise self.fail(key, f"must be text, not {_shown(value)}")
        return value

    def listed(self, key: str) -> list:
        """A list that is not empty."""
        value = self.value(key)
        if not isinstance(value, list) or not value:
            raise self.fail(key, f"must be a list with at least one entry, not {_shown(value)}")
        return value

    def finish(self) -> None:
        """Raises InputError for the first key that was never taken, with the nearest that could be."""
        for key in self._tree:
            if key not in self._taken:
                near = difflib.get_close_matches(str(key), sorted(self._taken), n=1, cutoff=0.4)
                hint = f"did you mean {near[0]}?" if near else f"valid keys are {', '.join(sorted(self._taken))}"
                raise self.fail(str(key), "unknown key", hint)

    def _numbers(self, key: str, value: Any, length: int, above: float = -math.inf, least: float = -math.inf) -> np.ndarray:
        values = value if isinstance(value, (list, tuple)) else []
        if len(values) != length or not all(is_number(v) and v > above and v >= least for v in values):
            raise self.fail(key, f"must be {length} numbers{_limit(above, least)}, not {_shown(value)}", exponent_hint(*values))
        return np.array(value, dtype=np.float64)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def exponent_hint(*values: Any) -> str | None:
    """What to write in place of a text that was meant as a number, such as 1e-1: YAML 1.1 wants a point and a sign in it."""
    for value in values:
        try:
            if isinstance(value, str) and "e" in value.lower() and math.isfinite(float(value)):
                mantissa, exponent = value.lower().split("e")
                mantissa += "" if "." in mantissa else ".0"
                return f"write {mantissa}e{int(exponent):+d}, or YAML takes {value} for text"
        except ValueError:
            continue
    return None


def _limit(above: float, least: float) -> str:
    return f" above {above:g}" if above > -math.inf else f" of at least {least:g}" if least > -math.inf else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
