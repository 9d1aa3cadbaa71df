"""Which of several scans is the one before, the sequence, and the one after; more than two full scans make several segments."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from xct4d.commands.found import Scan
from xct4d.errors import InputError

FEW = 0.25  # of the views of the largest scan: with times and not more, it is the sequence


@dataclass(frozen=True)
class Arrangement:
    """The scans of one dataset by state, and how they were told apart."""

    forward: Scan
    backward: Scan | None
    between: Scan | None
    reason: str | None  # None where there is one scan


def arrange(scans: list[Scan]) -> list[Arrangement]:
    """The segments of an experiment, each from one full scan to the next; one where there is a single scan.

    scans: in the order in which they were named. Of two full scans the first is
    t = 0, the second t = 1; their own times decide where all have them, else
    that order. A small scan with times is the sequence of a segment: of the only
    one, or of the one between whose scans it was named. Raises InputError where
    that does not tell, or formats differ.
    """
    if len(scans) == 1:
        return [Arrangement(scans[0], None, None, None)]
    names = ", ".join(str(scan.description) for scan in scans)
    formats = sorted({scan.reader.name for scan in scans})
    if len(formats) > 1 or any(len(scan.dataset.acquisitions) > 1 for scan in scans):
        fix = "give folders of one scanner, and of datasets that are joined already one alone"
        raise InputError(f"cannot be joined: {', '.join(formats)}", where=names, fix=fix)
    most = max(len(scan.acquisition.projections) for scan in scans)
    small = [scan for scan in scans if len(scan.acquisition.projections) <= FEW * most and _has_times(scan)]
    full = [scan for scan in scans if scan not in small]
    if len(full) < 2 or len(small) >= len(full):
        what = (
            f"has {len(full)} full scans and {len(small)} sequences; a sequence lies between two full scans, at most one between each two"
        )
        raise InputError(what, where=names, fix="name the scans of one experiment in the order of time")
    ordered, reason = _ordered(full)
    if len(full) > 2 and small and ordered != full:
        raise InputError("are not named in the order of time", where=names, fix="name them so, each sequence between its two scans")
    found = []
    for first, second in pairwise(ordered):
        own = small if len(full) == 2 else [scan for scan in small if scans.index(first) < scans.index(scan) < scans.index(second)]
        if len(own) > 1:
            what = f"are {len(own)} sequences between {first.description} and {second.description}; one dataset takes one"
            raise InputError(what, where=names, fix="join them in one file")
        found.append(Arrangement(first, second, own[0] if own else None, reason))
    if sum(one.between is not None for one in found) < len(small):
        raise InputError("has a sequence before the first or after the last full scan", where=names, fix="name it between its two scans")
    return found


def _ordered(full: list[Scan]) -> tuple[list[Scan], str]:
    """Full scans in the order of time, and how that was told."""
    starts = [scan.acquisition.started for scan in full]
    if None not in starts and len(set(starts)) == len(starts):
        return sorted(full, key=lambda scan: str(scan.acquisition.started)), "by the times at which they began"
    return full, "by the order in which they were named, as the files have no times to tell"


def _has_times(scan: Scan) -> bool:
    return all(projection.time is not None for projection in scan.acquisition.projections)
