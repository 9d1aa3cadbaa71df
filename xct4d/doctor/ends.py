"""Are the scans before and after exchanged? The first projections of the sequence agree with the first scan, the last with the second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xct4d.directions import State
from xct4d.doctor.consistency import Pairs, differences, masses
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.sample import Sample
from xct4d.geometry.views import Views, concatenate

AT_AN_END = 4  # projections of the sequence that are compared with the scan before it, and with the one after
CLEAR = 2.0  # times better must the exchanged scans agree


@dataclass(frozen=True)
class Ends:
    """Root mean square differences between parts of a sequence and the two scans."""

    first_to_forward: float
    first_to_backward: float
    last_to_forward: float
    last_to_backward: float

    @property
    def ratio(self) -> float:
        """How many times better the sequence agrees with the scans exchanged than as they are."""
        exchanged = self.first_to_backward * self.last_to_forward
        return self.first_to_forward * self.last_to_backward / max(exchanged, 1e-300)

    @property
    def exchanged(self) -> bool:
        return bool(np.isfinite(self.ratio)) and self.ratio > CLEAR

    def line(self) -> str:
        """What to tell where they are exchanged."""
        return (
            f"warning: the scans before and after look exchanged: the other way round the sequence agrees {self.ratio:.3g} times better "
            "with them at its ends; exchange input.forward and input.backward"
        )


def ends_of(parts: tuple[Evidence, Evidence] | None, scans: Mapping[State, Evidence]) -> Ends | None:
    """The first and last projections of a sequence (parts_of) against both scans; None where they cannot be compared."""
    return None if parts is None or len(scans) < 2 else compare(scans["forward"], scans["backward"], *parts)


def parts_of(
    load: Callable[[int], np.ndarray], views: Sequence[Views], times: np.ndarray, flat_field: float
) -> tuple[Evidence, Evidence] | None:
    """The first and the last projections of a sequence; None where there is one.

    load: transmission of projection i; views: the camera of each; times [n].
    """
    if len(times) < 2:
        return None
    order, count = np.argsort(times, kind="stable"), min(AT_AN_END, len(times) // 2)
    first, last = (
        Sample.of(lambda i, own=chosen: load(own[i]), [views[i] for i in chosen], flat_field)
        for chosen in (order[:count].tolist(), order[-count:].tolist())
    )
    return _evidence(first), _evidence(last)


def _evidence(sample: Sample) -> Evidence:
    return Evidence.of(sample.images, sample.views, sample.flat_field, sample.factor)


def compare(forward: Evidence, backward: Evidence, first: Evidence, last: Evidence) -> Ends | None:
    """None where images are of several sizes, or no baseline passes beside the sample."""
    if len({one.images.shape[1:] for one in (forward, backward, first, last)}) > 1:
        return None
    scores = [_between(part, scan) for part in (first, last) for scan in (forward, backward)]
    return None if any(score is None for score in scores) else Ends(*(float(score) for score in scores if score is not None))


def _between(part: Evidence, scan: Evidence) -> float | None:
    """Root mean square difference of the masses that views of the part and of the scan show."""
    both = replace(
        part,
        images=np.concatenate([part.images, scan.images]),
        views=concatenate([part.views, scan.views]),
        columns=np.concatenate([part.columns, scan.columns]),
        strongest=max(part.strongest, scan.strongest),
    )
    pairs = Pairs.of(both, at_most=len(both) ** 2)
    across = (pairs.index[:, 0] < len(part)) & (pairs.index[:, 1] >= len(part))
    if not across.any():
        return None
    found = differences(masses(both, replace(pairs, index=np.ascontiguousarray(pairs.index[across]))))
    usable = found[np.isfinite(found)]
    return float(np.sqrt(np.mean(usable**2))) if len(usable) else None
