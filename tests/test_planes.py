"""The planes that figures show: clear ones, near the centre, cut alike from slabs and whole volumes."""

import numpy as np
import pytest
import torch
from evolution_in_closed_form import CENTRE, DriftingBall, StillBall

from xct4d.fields import planes
from xct4d.geometry.box import voxel_centres


class TwoBalls(StillBall):
    """Balls at z = 0.6 and -0.6; nothing between."""

    def attenuation(self, points, t, kinds):
        distance = [torch.linalg.vector_norm(points - torch.tensor([0.1, 0.2, z]), dim=1) for z in (0.6, -0.6)]
        return {"forward": (torch.minimum(*distance) < 0.25).float()}


@pytest.mark.parametrize("model", [StillBall(), DriftingBall()])
def test_one_plane_goes_through_the_ball(model):
    chosen = planes.choose(model, 50, 1)
    (position,) = chosen.positions()
    assert chosen.n == 50
    assert abs(position - CENTRE[2 - chosen.axis]) < 0.25


def test_several_planes_show_what_one_cannot():
    chosen = planes.choose(TwoBalls(), 40, 6)
    along_z = planes.Planes(0, (8, 31), 40)
    assert chosen.axis in (0, 1, 2)
    if chosen.axis == 0:
        assert any(z > 0.4 for z in chosen.positions())
        assert any(z < -0.4 for z in chosen.positions())
    assert list(chosen.indices) == sorted(set(chosen.indices))
    assert len(chosen.indices) <= 6
    assert along_z.positions() == pytest.approx([-0.575, 0.575])


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
