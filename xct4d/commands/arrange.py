"""Which of several scans is the one before, the sequence, and the one after."""

from __future__ import annotations

from dataclasses import dataclass

from xct4d.commands.found import Scan
from xct4d.errors import InputError

FEW = 0.25  # of the views of the largest scan: with times and not more, it is the sequence


@dataclass(frozen=True)
class Arrangement:
    """Scans by state, and how they were told apart."""

    forward: Scan
    backward: Scan | None
    between: Scan | None
    reason: str | None  # None where there is one scan


def arrange(scans: list[Scan]) -> Arrangement:
    """The first scan is t = 0, the second t = 1; a small one with times between them is the sequence.

    scans: in the order in which they were named. Their own times decide where
    all have them, else that order. Raises InputError where there are more full
    scans than two, or formats differ.
    """
    if len(scans) == 1:
        return Arrangement(scans[0], None, None, None)
    names = ", ".join(str(scan.description) for scan in scans)
    formats = sorted({scan.reader.name for scan in scans})
    if len(formats) > 1 or any(len(scan.dataset.acquisitions) > 1 for scan in scans):
        fix = "give folders of one scanner, and of datasets that are joined already one alone"
        raise InputError(f"cannot be joined: {', '.join(formats)}", where=names, fix=fix)
    most = max(len(scan.acquisition.projections) for scan in scans)
    small = [scan for scan in scans if len(scan.acquisition.projections) <= FEW * most and _has_times(scan)]
    full = [scan for scan in scans if scan not in small]
    if len(full) > 2 or len(small) > 1 or len(full) < 2:
        what = f"has {len(full)} full scans and {len(small)} sequences; one dataset takes one scan, or two with at most one sequence"
        raise InputError(what, where=names, fix="name those of one dataset")
    starts = [scan.acquisition.started for scan in full]
    first, second = starts
    if first is not None and second is not None and first != second:
        ordered = full if first < second else full[::-1]
        return Arrangement(ordered[0], ordered[1], small[0] if small else None, "by the times at which they began")
    return Arrangement(
        full[0], full[1], small[0] if small else None, "by the order in which they were named, as the files have no times to tell"
    )


def _has_times(scan: Scan) -> bool:
    return all(projection.time is not None for projection in scan.acquisition.projections)
