"""A sequence in several transforms files, one for each time point."""

from __future__ import annotations

from dataclasses import replace

from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition


def joined(parts: list[Acquisition]) -> Acquisition:
    """One acquisition of the projections of several files, in their order.

    Raises InputError where two files list the same image, or contradict each
    other in what holds for a whole file.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    for key in ("flat_field", "unit_mm", "duration_s"):
        for part in parts:
            value, agreed = getattr(part, key), getattr(first, key)
            if value != agreed:
                raise InputError(f"is {value}, but {agreed} in {first.path.name}", where=f"{part.path}: {key}", fix="make them agree")
    projections = [projection for part in parts for projection in part.projections]
    seen: dict = {}
    for projection in projections:
        other = seen.setdefault(projection.image, projection)
        if other is not projection:
            raise InputError(
                f"the image is listed in another file, too ({other.where})", where=projection.where, fix="remove one of the two"
            )
    lists: dict[str, list[str]] = {}
    for part in parts:
        for key, names in (part.lists or {}).items():
            lists[key] = [*lists.get(key, []), *names]
    names = ", ".join(part.path.name for part in parts)
    notes = [f"the sequence is made of {len(parts)} files: {names}", *(note for part in parts for note in part.notes)]
    return replace(first, projections=projections, lists=lists or None, notes=notes)
