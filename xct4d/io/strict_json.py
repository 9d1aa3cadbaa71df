"""JSON as its standard has it: without NaN and infinity, which other programs refuse to read."""

from __future__ import annotations

import json
import math
from typing import Any


def dumps(tree: Any, *, indent: int | None = None) -> str:
    """Text of a tree of plain values; numbers that are not finite become null."""
    return json.dumps(_finite(tree), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
