"""Sources and detectors from above."""

import numpy as np
import pytest
from small_frames import frames_of, one_view

from xct4d.geometry.views import Views, concatenate, orbit
from xct4d.report.geometry_drawing import BEHIND, FARTHEST, drawing, fan_of

AIR = np.ones((6, 8))


def frames(azimuths, times=None, held_out=()):
    found = frames_of(concatenate([one_view(a) for a in azimuths]), [AIR] * len(azimuths), times=times)
    found.held_out[list(held_out)] = True
    return found


def test_a_fan_ends_where_the_outermost_columns_look():
    """Half a width of 4 pixels at a focal length of 10, from a distance of 4 to BEHIND the axis."""
    fan = fan_of(frames([0.0]), 0)
    reach = 0.4 * (4 + BEHIND)
    assert fan.source == pytest.approx((4, 0))
    assert fan.detector == (pytest.approx((-BEHIND, -reach), abs=1e-3), pytest.approx((-BEHIND, reach), abs=1e-3))
    assert fan.starts == (fan.source, fan.source)


def test_the_sequence_shows_its_first_time_with_rays_and_later_sources_without():
    between = frames([90.0, 180.0, 90.0, 200.0, 47.0], times=[0.2, 0.2, 0.4, 0.4, 0.2], held_out=[4])
    found = drawing({"forward": frames([0.0, 120.0, 240.0]), "backward": frames([0.0, 120.0, 240.0]), "between": between})
    assert [fan.source for fan in found.fans] == [pytest.approx((0, 4), abs=1e-3), pytest.approx((-4, 0), abs=1e-3)]
    assert found.later == [pytest.approx((4 * np.cos(np.deg2rad(200)), 4 * np.sin(np.deg2rad(200))), abs=1e-3)]
    assert len(found.scans) == 3
    assert len(found.held_out) == 1
    assert not found.cut


def test_a_far_source_is_drawn_nearer_with_the_rays_that_it_sends():
    view = one_view()
    far = Views(orbit(0.0, 90.0, 400.0)[None], np.full((1, 2), 1000.0), view.centre, view.size)
    found = drawing({"forward": frames_of(far, [AIR])})
    assert found.cut
    assert found.half_width < 2 * FARTHEST
    (fan,) = found.fans
    assert fan.source == (FARTHEST, 0)
    for (x0, y0), (x1, y1) in zip(fan.starts, fan.detector, strict=True):  # nearly parallel
        assert abs(y1 - y0) < 0.02 * abs(x1 - x0)
