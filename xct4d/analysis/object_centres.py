"""Centres of the separate objects of a description."""

from __future__ import annotations

from typing import Any

import numpy as np


def object_centres(description: dict[str, Any] | None) -> np.ndarray | None:
    """Centres [K, 3] of the objects of a collection; None for anything else, and where an object has no centre."""
    if description is None or description.get("type") != "object_collection":
        return None
    centres = []
    for thing in description["objects"]:
        if "center" in thing:
            centres.append(thing["center"])
        elif "p0" in thing and "p1" in thing:
            centres.append([(a + b) / 2 for a, b in zip(thing["p0"], thing["p1"], strict=True)])
        elif all(axis + end in thing for axis in "xyz" for end in ("min", "max")):
            centres.append([(thing[axis + "min"] + thing[axis + "max"]) / 2 for axis in "xyz"])
        else:
            return None
    return np.array(centres, np.float64).reshape(-1, 3) if centres else None
