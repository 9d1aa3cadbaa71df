"""A dataset's own times, carried to [0, 1]: the forward scan is 0, the backward scan 1, or without one the end of the sequence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition, Dataset, Projection

SAME = 1e-9  # times closer than this, in [0, 1], are the same
ROUNDED = 1e-6  # part of the time between the scans by which two statements of one time may differ
SAME_DURATION = 0.01  # relative difference up to which two statements of a duration agree
SHORT = 0.1  # a sequence that lasts less than this part of the time between the scans is an event that fills the time axis


@dataclass(frozen=True)
class Clock:
    """The dataset's times of both scans, and of t = 0 and t = 1, which differ where a short event fills the time axis."""

    scans: tuple[float, float | None]  # of a sequence without a second scan its end in place of that; None where there is one scan only
    start: float  # t = 0
    end: float | None  # t = 1
    notes: tuple[str, ...] = ()
    gap: float = 0.0  # where scans without times are taken at 0 and 1: how far the sequence ends before 1, if unusually far

    def normalised(self, projection: Projection) -> np.ndarray:
        """Times [k] in [0, 1] of a projection of the sequence. Raises InputError where it has none or one lies outside the scans' times."""
        where = f"{projection.where}.time"
        if projection.time is None:
            raise InputError("is missing", where=where, fix="every projection of the sequence needs its time")
        first, last = self.scans
        place = (projection.time - first) / (last - first)
        if place.min() < -SAME or place.max() > 1 + SAME:
            outside = projection.time[np.argmax(np.abs(place - 0.5))]
            fix = "correct it, or give every frame of both scans its `time` on the same clock; a scan without times is taken at 0 or 1"
            raise InputError(f"{outside:g} lies outside the scans' times {first:g} and {last:g}", where=where, fix=fix)
        return np.clip((projection.time - self.start) / (self.end - self.start), 0.0, 1.0) + 0.0  # -0.0 becomes 0

    @property
    def is_normalised(self) -> bool:
        """Whether the times are in [0, 1] already, and so tell no seconds."""
        return self.scans == (0.0, 1.0)

    def duration(self, given: float | None, where: str) -> float | None:
        """Seconds from t = 0 to t = 1; None where nothing tells.

        given: stated seconds from the first scan to the second. where: its key, for messages.
        Raises InputError where they contradict the times of the files.
        """
        if self.end is None:
            return given
        part, whole = self.end - self.start, self.scans[1] - self.scans[0]
        if self.is_normalised:
            if given is not None and 1 - self.gap <= given < 1:
                what = f"is {given:g} s, and the sequence ends at {1 - self.gap:g}: is that in seconds, or in parts of the time between the scans?"
                raise InputError(what, where=where, fix="give every frame of both scans its `time`: 0 and 1 if it is in parts")
            return None if given is None else given * part
        if given is not None and abs(given / part - 1) <= SAME_DURATION:
            return given
        if given is not None and abs(given / whole - 1) > SAME_DURATION:
            what = f"is {given:g} s, but the times of the files make it {whole:g} s"
            raise InputError(what, where=where, fix="remove it, or correct the times")
        return part


def clock(dataset: Dataset) -> Clock:
    """The times of both scans, and which times become 0 and 1.

    A scan without times, or whose times run through it, is taken at 0 (forward) or 1 (backward).
    Without a second scan, times from 0 to 1 stay as they are; of others the last is t = 1. Raises
    InputError where a scan has several times, the backward scan's is not after
    the forward scan's, or an image is listed at two times.
    """
    between, running = dataset.acquisitions.get("between"), []
    forward = _at_rest(dataset.forward, running)
    backward = None if dataset.backward is None else _at_rest(dataset.backward, running)
    start = _scan_time(forward, 0.0)
    if backward is None and between is None:
        return Clock((start, None), start, None, tuple(running))
    if backward is None:
        _refuse_one_image_at_two_times([(forward, start)], between, _last(between) - start)
        end, notes = _end_of_sequence(between, start)
        return Clock((start, end), start, end, (*running, *notes))
    end = _scan_time(backward, 1.0)
    if end <= start:
        raise InputError(f"is {end:g}, not after the time {start:g} of {forward.path.name}", where=f"{backward.path}: frames[0].time")
    _refuse_one_image_in_two_scans(forward, backward)
    _refuse_one_image_at_two_times([(forward, start), (backward, end)], between, end - start)
    first, last, notes = _axis(between, start, end) if between is not None else (start, end, ())
    gap = 0.0
    if between is not None and None in (forward.projections[0].time, backward.projections[0].time):
        gap, more = _far_from_assumed(between, start, end)
        notes += more
    return Clock((start, end), first, last, (*running, *notes), gap)


def _at_rest(scan: Acquisition, notes: list[str]) -> Acquisition:
    """The scan, without times where they run through it: when each projection of a sample at rest was taken says nothing of the sequence.

    Times run where most projections have one of their own and a camera of their
    own; a sequence shows the same cameras again and again.
    """
    times = [projection.time for projection in scan.projections if projection.time is not None]
    if len(times) < len(scan.projections):
        return scan
    different = {round(float(time.mean()), 9) for time in times}
    cameras = {tuple(np.round(projection.camera_to_world.mean(0).ravel(), 6).tolist()) for projection in scan.projections}
    if 2 * min(len(different), len(cameras)) <= len(times):
        return scan
    notes.append(
        f"the times of {scan.path.name} run from {min(different):g} to {max(different):g}: not used, as a scan shows a sample at rest"
    )
    return replace(scan, projections=[replace(projection, time=None) for projection in scan.projections])


def _axis(between: Acquisition, start: float, end: float) -> tuple[float, float, tuple[str, ...]]:
    """The times that become 0 and 1, with notes: the scans' own, or those just before and after a short event."""
    times = [projection.time.mean() for projection in between.projections if projection.time is not None]
    inner = np.unique([time for time in times if SAME < (time - start) / (end - start) < 1 - SAME])
    span = inner[-1] - inner[0] if len(inner) else 0.0
    if len(inner) < 2 or inner[0] < start or inner[-1] > end:
        return start, end, ()
    step = span / (len(inner) - 1)
    if span + 2 * step >= SHORT * (end - start):
        return start, end, ()
    first, last = max(start, float(inner[0] - step)), min(end, float(inner[-1] + step))
    what = f"the sequence from {inner[0]:.15g} to {inner[-1]:.15g} is a short event between the scans at {start:.15g} and {end:.15g}"
    return first, last, (f"{what}: it fills the time axis, t = 0 is {first:.15g} and t = 1 is {last:.15g}, one step before and after it",)


def _far_from_assumed(between: Acquisition, start: float, end: float) -> tuple[float, tuple[str, ...]]:
    """Do times of a sequence fit scans without times, taken at 0 and 1, or may they be seconds?

    Returns how far the sequence ends before 1, 0 where that is not more than two of its steps, and a note where either end is far.
    """
    times = np.unique([projection.time.mean() for projection in between.projections if projection.time is not None])
    inner = times[(times > start + SAME) & (times < end - SAME)]
    if len(inner) < 2:
        return 0.0, ()
    far = 2 * (inner[-1] - inner[0]) / (len(inner) - 1)
    if max(inner[0] - start, end - inner[-1]) <= far:
        return 0.0, ()
    what = f"scans without times are taken at 0 and 1, the sequence reaches from {inner[0]:.9g} to {inner[-1]:.9g}"
    note = f"{what}; if these are seconds, give every frame of both scans its `time` in seconds"
    return float(end - inner[-1]) if end - inner[-1] > far else 0.0, (note,)


def _last(between: Acquisition) -> float:
    """The latest time of a sequence. Raises InputError where a projection has none."""
    for projection in between.projections:
        if projection.time is None:
            raise InputError("is missing", where=f"{projection.where}.time", fix="every projection of the sequence needs its time")
    return max(float(projection.time.max()) for projection in between.projections)


def _end_of_sequence(between: Acquisition, start: float) -> tuple[float, tuple[str, ...]]:
    """The time that becomes 1 where no second scan says it, with a note. Raises InputError where nothing comes after the scan."""
    last = _last(between)
    if last <= start:
        raise InputError(f"ends at {last:g}, not after the scan at {start:g}", where=between.path, fix="correct the times")
    if start == 0 and last <= 1:
        return 1.0, ("there is no second scan: the motion follows from the first, and the times of the sequence are taken as they are",)
    return last, (f"there is no second scan: the motion follows from the first, and t = 1 is the end of the sequence at {last:.15g}",)


def is_at_an_end(time: np.ndarray, ends: Collection[float]) -> bool:
    """Whether a projection shows one of the ends (0 or 1), those that have a scan, which holds it already."""
    return any(bool((np.abs(time - end) <= SAME).all()) for end in ends)


def _refuse_one_image_in_two_scans(forward: Acquisition, backward: Acquisition) -> None:
    shown = {projection.image: projection for projection in forward.projections}
    for projection in backward.projections:
        if projection.image in shown:
            raise InputError(
                f"the image is in the scan at t = 0, too ({shown[projection.image].where})",
                where=projection.where,
                fix="remove one of the two",
            )


def _refuse_one_image_at_two_times(scans: Sequence[tuple[Acquisition, float]], between: Acquisition | None, whole: float) -> None:
    """Raises InputError where an image is in the sequence at another time than that of its scan. whole: time from t = 0 to t = 1."""
    shown = {projection.image: (time, projection, scan) for scan, time in scans for projection in scan.projections}
    for projection in between.projections if between is not None else []:
        time, other, scan = shown.get(projection.image, (None, None, None))
        if time is None or projection.time is None or np.abs(projection.time - time).max() <= ROUNDED * whole:
            continue
        of_scan = (
            f"at {time:g} in {scan.path.name}"
            if other.time is not None
            else f"in {scan.path.name}, which has no times and is taken at {time:g}"
        )
        raise InputError(
            f"the image is at {projection.time[0]:g} here, but {of_scan}", where=f"{projection.where}.time",
            fix="give every frame of both scans its `time` on the clock of the sequence",
        )  # fmt: skip


def _scan_time(scan: Acquisition, default: float) -> float:
    first = scan.projections[0]
    for projection in scan.projections:
        if (projection.time is None) != (first.time is None):
            missing = projection if projection.time is None else first
            raise InputError(
                "is missing, though other projections have one",
                where=f"{missing.where}.time",
                fix="give all of them the same time, or none",
            )
        if projection.time is not None and np.ptp(np.append(projection.time, first.time)) > SAME * max(1.0, abs(first.time[0])):
            raise InputError(
                f"is {projection.time[-1]:g} where the scan began at {first.time[0]:g}", where=f"{projection.where}.time",
                fix="a scan of one end has one time; projections of other times belong in the sequence (transforms_AA_to_BB.json)",
            )  # fmt: skip
    return default if first.time is None else float(first.time[0]) + 0.0
