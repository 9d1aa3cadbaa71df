"""Which projections are of one source."""

import numpy as np
from small_frames import frames_of, one_view

from xct4d.calibration.sources import sources_of
from xct4d.geometry.views import concatenate

AIR = np.ones((6, 8))


def frames(shots):
    """shots: (azimuth, time)."""
    views = concatenate([one_view(azimuth) for azimuth, _ in shots])
    return frames_of(views, [AIR] * len(shots), times=[t for _, t in shots])


def test_sources_that_stand_still_are_told_by_their_cameras():
    shots = [(azimuth, t) for t in (0.2, 0.4, 0.6) for azimuth in (0, 90)]
    assert [own.tolist() for own in sources_of(frames(shots))] == [[0, 2, 4], [1, 3, 5]]


def test_a_camera_of_held_out_projections_alone_is_no_source():
    some = frames([(azimuth, t) for t in (0.2, 0.4, 0.6) for azimuth in (0, 90)])
    some.held_out[1::2] = True
    assert [own.tolist() for own in sources_of(some)] == [[0, 2, 4]]


def test_sources_that_turn_are_told_by_their_place_at_each_time():
    shots = [(36 * k + azimuth, 0.05 + 0.09 * k) for k in range(10) for azimuth in (0, 95)]
    assert [own.tolist() for own in sources_of(frames(shots))] == [list(range(0, 20, 2)), list(range(1, 20, 2))]


def test_turning_sources_of_which_some_are_missing_are_not_told_apart():
    shots = [(36 * k + azimuth, 0.05 + 0.09 * k) for k in range(10) for azimuth in (0, 95)]
    assert sources_of(frames(shots[:-1])) == []
