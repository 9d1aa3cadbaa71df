"""Time points of the projections, of which a step takes one."""

import dataclasses

import numpy as np
import pytest
from small_frames import frames_at

from xct4d.errors import InputError
from xct4d.training.sampling.rays import draw, time_points


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


def test_rays_pass_only_through_pixels_that_count():
    """Of two projections, of which a third and all but one pixel do not count, each pixel that does is drawn as often."""
    frames = frames_at([0.0, 0.0])
    counts = np.ones((2, 48), bool)
    counts[0, :16] = False
    counts[1, 1:] = False
    numbers = np.arange(96, dtype=np.uint16)
    masked = dataclasses.replace(frames, pixels=numbers, counts=counts.ravel())
    (time_point,) = time_points([masked])
    batch = draw(time_point, np.random.default_rng(0), 33 * 200, 1)()
    drawn, often = np.unique(np.rint(batch.measured.numpy() * 65535), return_counts=True)
    assert drawn.tolist() == numbers[counts.ravel()].tolist()
    assert often.min() > 130
    assert often.max() < 270
