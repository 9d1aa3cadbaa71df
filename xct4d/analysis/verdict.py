"""Whether the motion at a time is determined, in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

EXPLAINED = 1.25  # normalised residual up to which the sequence counts as explained
GAP = 3.0  # times the usual distance of two exposures: where none is nearer, the sequence says nothing
MOST_UNCERTAIN = 0.5  # part of the material whose displacement may be uncertain
FEW_UNCERTAIN = 0.05


@dataclass(frozen=True)
class Residuals:
    """How well the motion explains the sequence: normalised residuals [T] at times [T], rising."""

    times: np.ndarray
    normalised: np.ndarray

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Residuals:
        """From trust.json."""
        return cls(np.array(record["times"], float), np.array(record["normalised_residual"], float))

    def at(self, t: float) -> float | None:
        """The larger one of the exposures on both sides of a time; None where there is no sequence."""
        if not len(self.times):
            return None
        after = int(np.searchsorted(self.times, t))
        return float(max(self.normalised[max(after - 1, 0)], self.normalised[min(after, len(self.times) - 1)]))

    @property
    def next_to_scans(self) -> float:
        """The larger one of the exposures next to the scans, where the least motion has to be found."""
        return float(max(self.normalised[0], self.normalised[-1]))

    def gap(self, t: float) -> tuple[float, float] | None:
        """The times between which a time lies without an exposure, if they are unusually far apart; the scans count as exposures."""
        known = np.array([0.0, *self.times, 1.0])
        after = min(max(int(np.searchsorted(known, t)), 1), len(known) - 1)
        before = after - 1
        if t in (0.0, 1.0) or known[after] == t:
            return None
        usual = float(np.median(np.diff(known))) if len(self.times) else 0.0
        return (float(known[before]), float(known[after])) if known[after] - known[before] > GAP * usual else None


def verdict(residuals: Residuals, t: float, uncertain: float, tolerance: str) -> str:
    """One of "determined", "determined except ..." or "not determined: ...".

    uncertain: part of the material whose displacement at time t has a standard
    deviation above the tolerance. tolerance: in words, with its unit.
    """
    left = residuals.at(t)
    if left is None:
        return "not determined: there is no projection between the scans"
    if left > EXPLAINED:
        return f"not determined: the motion leaves {left:.2f} times as much of the projections near this time as the scans leave of theirs"
    if residuals.next_to_scans > EXPLAINED:
        return (
            f"not determined: the projections next to a scan contradict it (the motion leaves {residuals.next_to_scans:.2f} times as much of "
            "them as the scan leaves of its own); check the geometry and the times of the sequence"
        )
    if (gap := residuals.gap(t)) is not None:
        return f"not determined: there is no projection from t = {gap[0]:.3g} to {gap[1]:.3g}"
    said = f"{uncertain:.0%} of the material, whose displacement is uncertain by more than {tolerance}"
    if uncertain > MOST_UNCERTAIN:
        return f"not determined: {said}"
    return "determined" if uncertain <= FEW_UNCERTAIN else f"determined except {said}"
