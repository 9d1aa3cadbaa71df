"""The planes that figures show: clear ones, near the centre, cut alike from slabs and whole volumes."""

import numpy as np
import pytest
import torch
from evolution_in_closed_form import CENTRE, DriftingBall, StillBall

from xct4d.fields.contrast import clearest_planes
from xct4d.geometry.box import voxel_centres
from xct4d.report import planes


class TwoPlates(StillBall):
    """Plates across z at 0.6 and -0.6; nothing between."""

    def attenuation(self, points, t, kinds):
        x, y, z = points.T
        return {"forward": ((x.abs() < 0.6) & (y.abs() < 0.6) & ((z.abs() - 0.6).abs() < 0.07)).float()}


@pytest.mark.parametrize("model", [StillBall(), DriftingBall()])
def test_one_plane_goes_through_the_ball(model):
    chosen = planes.choose(model, 50, 1)
    (position,) = chosen.positions()
    assert chosen.n == 50
    assert abs(position - CENTRE[2 - chosen.axis]) < 0.25


def test_several_planes_show_what_one_cannot():
    chosen = planes.choose(TwoPlates(), 40, 6)
    assert chosen.axis == 0
    low, high = chosen.positions()
    assert -0.7 < low < -0.5
    assert 0.5 < high < 0.7


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cuts_of_slabs_join_to_the_plane(axis):
    volume = np.random.default_rng(0).random((9, 9, 9))
    chosen = planes.Planes(axis, (0, 4, 8), 9)
    parts = [chosen.cut(volume[start : start + 4], start) for start in (0, 4, 8)]
    for which, index in enumerate(chosen.indices):
        joined = np.concatenate([part[which] for part in parts])
        assert np.array_equal(joined, np.take(volume, index, axis=axis))


def test_an_empty_model_has_a_plane_too():
    class Nothing(StillBall):
        def attenuation(self, points, t, kinds):
            return {"forward": torch.zeros(len(points))}

    assert len(planes.choose(Nothing(), 20, 6).indices) == 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_points_of_a_plane_are_those_of_its_cut(axis):
    centres = voxel_centres(7)
    z, y, x = np.meshgrid(centres, centres, centres, indexing="ij")
    volume = x + 10 * y + 100 * z
    chosen = planes.Planes(axis, (1, 5), 7)
    for points, image in zip(chosen.points(), chosen.cut(volume, 0), strict=True):
        assert (points @ [1, 10, 100]).reshape(7, 7) == pytest.approx(image)


def test_perpendicular_planes_go_through_the_ball():
    found = planes.perpendicular(DriftingBall(), 50)
    assert [plane.axis for plane in found] == [0, 1, 2]
    assert all(abs(plane.positions()[0] - CENTRE[2 - plane.axis]) < 0.25 for plane in found)


def test_separate_objects_are_cut_where_they_are():
    """The middle planes are empty; of two objects that are equally clear the one nearer the centre is cut."""
    volume = np.zeros((16, 16, 16), np.float32)
    volume[2, 12, 5] = volume[12, 4, 9] = 1
    assert clearest_planes(volume) == [12, 4, 9]
