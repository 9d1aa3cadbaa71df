"""Images of a drifting ball, whose density is known in closed form."""

import numpy as np
import pytest
from evolution_in_closed_form import CENTRE, DRIFT, RADIUS, DriftingBall, density

from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.pictures import views
from xct4d.pictures.views import View, clearest_position


def attenuation(evolution, points, t):
    return evolution.attenuation(points, t, ["forward"])["forward"]


@pytest.mark.parametrize("axis", ["z", "y", "x"])
def test_a_plane_is_that_of_the_volume(monkeypatch, axis):
    monkeypatch.setattr(views, "PIXELS", 40)
    place = CENTRE["xyz".index(axis)] + 0.1
    found = View(axis, place).image(DriftingBall(), attenuation, 0.0, within=False)
    axes = [voxel_centres(40)] * 3
    axes["zyx".index(axis)] = np.array([place])
    assert found == pytest.approx(density(grid_points(*axes), 0.0).reshape(40, 40), abs=1e-6)
    assert found.max() > 0.5


def test_a_projection_shows_the_largest_value_behind_each_pixel(monkeypatch):
    monkeypatch.setattr(views, "DEPTH", 40)
    found = View("y", None).image(DriftingBall(), attenuation, 1.0, within=False)
    c = voxel_centres(40)
    assert found == pytest.approx(density(grid_points(c, c, c), 1.0).reshape(40, 40, 40).max(axis=1), abs=1e-6)


def test_inside_material_alone_the_rest_is_nan(monkeypatch):
    monkeypatch.setattr(views, "PIXELS", 40)
    found = View("z", float(CENTRE[2])).image(DriftingBall(), lambda evolution, points, t: points[:, 0], 0.0, within=True)
    c = voxel_centres(40)
    x, y = np.meshgrid(c, c)
    inside = np.isfinite(found)
    part = np.hypot(x - CENTRE[0], y - CENTRE[1]) / RADIUS  # of the radius; there the density is 1 - part
    assert inside[part < 0.65].all()  # above 30 % of the densest
    assert not inside[part > 0.75].any()
    assert found[inside] == pytest.approx(x[inside], abs=1e-6)
    assert np.isnan(View("z", 0.99).image(DriftingBall(), attenuation, 0.0, within=True)).all()  # no material there


def test_the_plane_that_is_chosen_meets_the_ball():
    for number, axis in enumerate("xyz"):
        assert abs(clearest_position(DriftingBall(), axis) - (CENTRE + DRIFT / 2)[number]) < RADIUS
