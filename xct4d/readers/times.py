"""A dataset's own times, carried to [0, 1]: the forward scan is 0, the backward scan 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition, Projection

SAME = 1e-9  # times closer than this, in [0, 1], are the same


@dataclass(frozen=True)
class Clock:
    """The dataset's times of its two ends; end is None where there is one scan only."""

    start: float
    end: float | None

    def normalised(self, projection: Projection) -> np.ndarray:
        """Times [k] in [0, 1] of a projection of the sequence. Raises InputError where it has none or one lies outside."""
        where = f"{projection.where}.time"
        if projection.time is None:
            raise InputError("is missing", where=where, fix="every projection of the sequence needs its time")
        time = (projection.time - self.start) / (self.end - self.start)
        if time.min() < -SAME or time.max() > 1 + SAME:
            outside = projection.time[np.argmax(np.abs(time - 0.5))]
            fix = "correct it, or give every frame of both scans its `time` on the same clock; a scan without times is taken at 0 or 1"
            raise InputError(f"{outside:g} lies outside the scans' times {self.start:g} and {self.end:g}", where=where, fix=fix)
        return np.clip(time, 0.0, 1.0)

    def duration(self) -> float | None:
        """Seconds from end to end if the dataset's times are not normalised already, else None."""
        return None if self.end is None or (self.start, self.end) == (0.0, 1.0) else self.end - self.start


def clock(forward: Acquisition, backward: Acquisition | None) -> Clock:
    """The times of the ends. A scan without times is taken at 0 (forward) or 1 (backward).

    Raises InputError where a scan has several times, or the backward scan's is
    not after the forward scan's.
    """
    start = _scan_time(forward, 0.0)
    if backward is None:
        return Clock(start, None)
    end = _scan_time(backward, 1.0)
    if end <= start:
        raise InputError(f"is {end:g}, not after the time {start:g} of {forward.path.name}", where=f"{backward.path}: frames[0].time")
    return Clock(start, end)


def is_at_an_end(time: np.ndarray) -> bool:
    """Whether a projection shows one of the ends, which its scan holds already."""
    return bool((time <= SAME).all() or (time >= 1 - SAME).all())


def _scan_time(scan: Acquisition, default: float) -> float:
    first = scan.projections[0]
    for projection in scan.projections:
        if (projection.time is None) != (first.time is None):
            missing = projection if projection.time is None else first
            raise InputError("is missing, though other projections have one", where=f"{missing.where}.time", fix="give all of them the same time, or none")
        if projection.time is not None and np.ptp(np.append(projection.time, first.time)) > SAME * max(1.0, abs(first.time[0])):
            raise InputError(
                f"is {projection.time[-1]:g} where the scan began at {first.time[0]:g}", where=f"{projection.where}.time",
                fix="a scan of one end has one time; projections of other times belong in the sequence (transforms_AA_to_BB.json)",
            )  # fmt: skip
    return default if first.time is None else float(first.time[0])
