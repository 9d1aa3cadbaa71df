"""Sources, detectors and the box from above, along the rotation axis, as a page draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xct4d.directions import SCAN_TIME
from xct4d.io.prepared import Frames

Point = tuple[float, float]

FARTHEST = 6.0  # world units from the axis at which a source is drawn; a farther one is drawn here
BEHIND = 1.7  # world units behind the axis at which detectors are drawn: where they stand is not in the data
DIGITS = 3  # of coordinates: sources that agree to them are one


@dataclass(frozen=True)
class Fan:
    """A source, and both ends of what its detector sees, where the box lies between them."""

    source: Point
    detector: tuple[Point, Point]
    starts: tuple[Point, Point]  # of both outer rays: at the source, or on the way where it is too far to be drawn


@dataclass(frozen=True)
class Drawing:
    """Places in world units, x to the right and y up."""

    half_width: float  # of the drawing
    scans: list[Point]  # sources of both scans
    fans: list[Fan]  # of the sequence's first time
    later: list[Point]  # further sources of the sequence
    held_out: list[Point]
    cut: bool  # whether a source is farther away than it is drawn


def drawing(states: Mapping[str, Frames]) -> Drawing:
    """The geometry of prepared projections by their state."""
    scans, between = [states[name] for name in SCAN_TIME if name in states], states.get("between")
    every = list(states.values())
    fans, later = ([], []) if between is None else _sequence(between)
    if between is None and len(scans[0]):
        fans = [fan_of(scans[0], 0)]
    far = max(float(np.hypot(*f.views.camera_to_world[:, :2, 3].T).max()) for f in every)
    corners = [abs(c) for fan in fans for point in (*fan.detector, *fan.starts) for c in point]
    return Drawing(
        half_width=max([min(far, FARTHEST), 1.5, *corners]) + 0.35,
        scans=_places([(f, v) for f in scans for v in _views(f, held_out=False)]),
        fans=fans,
        later=later,
        held_out=_places([(f, v) for f in every for v in _views(f, held_out=True)]),
        cut=far > FARTHEST,
    )


def fan_of(frames: Frames, view: int) -> Fan:
    """What a view sees, from above: the ends of its detector on the line through the principal point."""
    views = frames.views
    pose, focal = views.camera_to_world[view], views.focal[view, 0]
    source, right, ahead = pose[:, 3], pose[:, 0], -pose[:, 2]
    depth = float(-source @ ahead) + BEHIND
    ends = [(0.0 - views.centre[view, 0]) / focal, (views.size[view, 0] - views.centre[view, 0]) / focal]
    detector = tuple(_point(source + depth * (ahead + end * right)) for end in ends)
    starts = tuple(_toward(np.array(end), source[:2]) for end in detector)
    return Fan(_drawn(source), detector, starts)


def _sequence(between: Frames) -> tuple[list[Fan], list[Point]]:
    views = _views(between, held_out=False)
    if not views:
        return [], []
    first = min(float(between.time[v]) for v in views)
    now: dict[Point, int] = {}
    for v in views:
        if between.time[v] == first:
            now.setdefault(_drawn(between.views.camera_to_world[v, :, 3]), v)
    later = [place for place in _places([(between, v) for v in views]) if place not in now]
    return [fan_of(between, v) for v in now.values()], later


def _views(frames: Frames, *, held_out: bool) -> list[int]:
    """The first view of each frame."""
    return [int(frames.first_view[f]) for f in range(len(frames)) if bool(frames.held_out[f]) == held_out]


def _places(views: list[tuple[Frames, int]]) -> list[Point]:
    return list(dict.fromkeys(_drawn(frames.views.camera_to_world[v, :, 3]) for frames, v in views))


def _drawn(source: np.ndarray) -> Point:
    """Where a source is drawn: in its place, or nearer."""
    place = np.asarray(source)[:2]
    distance = float(np.hypot(*place))
    return _point(place * min(1.0, FARTHEST / distance) if distance > 0 else place)


def _toward(end: np.ndarray, source: np.ndarray) -> Point:
    """Where the ray from a source to an end of its detector enters the drawing."""
    way = source - end
    return _point(end + way * min(1.0, (FARTHEST + BEHIND) / max(float(np.hypot(*way)), 1e-9)))


def _point(place: np.ndarray) -> Point:
    return round(float(place[0]), DIGITS), round(float(place[1]), DIGITS)
