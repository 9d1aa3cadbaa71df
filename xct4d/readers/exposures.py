"""Exposures during which the stage turns, or the sample moves, as several weighted cameras: the quadrature of the blur."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xct4d.geometry.corrections import of_sample_at
from xct4d.readers.reader import Acquisition, Dataset, Projection

TURNS = 1.5  # degrees in an exposure that matter: three pixels at the rim of an image 250 pixels wide; less costs time for nothing
FAR = 4.0  # degrees from which more cameras are needed
LASTS = 0.01  # of the time from the first to the last projection of a sequence: exposures as long matter
FEW, MANY = 3, 5  # cameras: odd, so that one is the recorded one, and the heaviest


def exposed(dataset: Dataset) -> Dataset:
    """The dataset, each long exposure with the cameras of a Gauss-Legendre rule about the recorded angle and time.

    Angle and time of a record are taken to be those of the middle of the
    exposure, during which the stage turns evenly. Projections that have several
    cameras already, or short exposures, stay as they are.
    """
    between = _sequence_of(dataset)
    return Dataset({state: _acquisition(one, between if state == "between" else None) for state, one in dataset.acquisitions.items()})


@dataclass(frozen=True)
class _Sequence:
    """Times on the dataset's clock."""

    lasts: float  # from the first projection to the last
    start: float  # of the scan before
    stop: float  # of the one after; infinite where there is none

    def holds(self, times: np.ndarray) -> bool:
        return bool(self.start < times.min() and times.max() < self.stop)


def _sequence_of(dataset: Dataset) -> _Sequence | None:
    """None where there is no sequence, or none with times."""
    between = dataset.acquisitions.get("between")
    times = [] if between is None else [float(one.time.mean()) for one in between.projections if one.time is not None]
    if not times:
        return None
    first = dataset.forward.projections[0].time
    last = None if dataset.backward is None else dataset.backward.projections[0].time
    stop = np.inf if dataset.backward is None else 1.0 if last is None else float(last[0])
    return _Sequence(max(times) - min(times), 0.0 if first is None else float(first[0]), stop)


def _acquisition(acquisition: Acquisition, sequence: _Sequence | None) -> Acquisition:
    projections = [_projection(projection, sequence) for projection in acquisition.projections]
    blurred = [new for new, old in zip(projections, acquisition.projections, strict=True) if new is not old]
    if not blurred:
        return acquisition
    turns = [abs(projection.turn_deg or 0.0) for projection in blurred]
    why = f"the stage turns by up to {max(turns):.3g} degrees" if max(turns) > TURNS else f"they last up to {_longest(blurred):.3g} s"
    note = f"{len(blurred)} exposures are seen from {len(blurred[0].weight)} cameras each about the recorded one, as {why} during them"
    return replace(acquisition, projections=projections, notes=[*acquisition.notes, note])


def _longest(projections: list[Projection]) -> float:
    return max(projection.exposure_s or 0.0 for projection in projections)


def _projection(projection: Projection, sequence: _Sequence | None) -> Projection:
    """sequence: that the projection belongs to; None for a scan, whose sample rests."""
    turn, lasts = projection.turn_deg or 0.0, projection.exposure_s or 0.0
    moves = sequence is not None and projection.time is not None and lasts > LASTS * sequence.lasts
    moves = moves and sequence.holds(projection.time + lasts * np.array([-0.5, 0.5]))
    if len(projection.weight) > 1 or not (abs(turn) > TURNS or moves):
        return projection
    nodes, weights = np.polynomial.legendre.leggauss(MANY if abs(turn) > FAR else FEW)
    places = nodes / 2  # of the exposure, from its middle
    poses = np.concatenate([of_sample_at(projection.camera_to_world, turn * place, np.zeros(3)) for place in places])
    time = None if projection.time is None else projection.time + (lasts if moves else 0.0) * places
    return replace(projection, camera_to_world=poses, weight=weights / 2, time=time)
