"""Which projections of a sequence one source and detector took."""

from __future__ import annotations

import numpy as np

from xct4d.io.prepared import Frames

MOST = 8  # sources that an experiment has
FEWEST = 3  # times at which a source is seen


def sources_of(frames: Frames) -> list[np.ndarray]:
    """Frames of each source, in the order of time; empty where nothing tells them apart.

    Sources that stand still have one camera for all times. Where they turn about
    the sample, or the sample turns, the k-th projection of each time is that of
    source k, if all times have equally many.
    """
    time = np.round(frames.frame_time(), 9)
    order = np.argsort(time, kind="stable")
    standing: dict[tuple, list[int]] = {}
    for f in order.tolist():
        standing.setdefault(_camera(frames, f), []).append(f)
    if len(standing) <= MOST:
        found = [np.array(own) for own in standing.values()]
        return [own for own in found if len(np.unique(time[own[~frames.held_out[own]]])) >= FEWEST]
    moments = [np.flatnonzero(time == t) for t in np.unique(time)]
    counts = {len(moment) for moment in moments}
    if len(counts) > 1 or max(counts) > MOST or len(moments) < FEWEST:
        return []
    return [np.array([moment[k] for moment in moments]) for k in range(counts.pop())]


def _camera(frames: Frames, frame: int) -> tuple:
    views = frames.views[[frames.main_view(frame)]]
    parts = (views.camera_to_world.ravel(), views.focal.ravel(), views.centre.ravel(), views.size.ravel())
    return tuple(np.round(np.concatenate(parts), 6).tolist())
