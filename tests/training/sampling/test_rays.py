"""Time points of the projections, of which a step takes one."""

import pytest
from small_frames import frames_at

from xct4d.errors import InputError
from xct4d.training.sampling.rays import time_points


def test_time_points_group_by_time_and_leave_out_what_is_held_out():
    frames = frames_at([0.5, 0.25, 0.5, 0.5], held_out=[3])
    found = time_points([frames])
    assert [(m.mean_time, m.frames.tolist()) for m in found] == [(0.25, [1]), (0.5, [0, 2])]
    assert [m.frames.tolist() for m in time_points([frames], held_out=True)] == [[3]]


def test_at_most_so_many_projections_of_a_time_point():
    (time_point,) = time_points([frames_at([0.0] * 16)], at_most=4)
    assert time_point.frames.tolist() == [0, 5, 10, 15]


def test_nothing_to_train_on_is_said():
    with pytest.raises(InputError, match="no projection is left"):
        time_points([frames_at([0.0, 0.0], held_out=[0, 1])])
