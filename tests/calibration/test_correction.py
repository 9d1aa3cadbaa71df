"""What a correction of a source and its detector does to its camera."""

import numpy as np
import pytest
from small_frames import one_view

from xct4d.calibration.correction import NAMES, Correction
from xct4d.geometry.views import Views


def seen(views: Views, point) -> np.ndarray:
    """Column and row of a point of the world."""
    pose = views.camera_to_world[0]
    x, y, z = pose[:, :3].T @ (np.array(point) - pose[:, 3])
    return views.centre[0] + views.focal[0] * np.array([x, -y]) / -z


def test_nothing_changes_nothing():
    view = one_view(30)
    same = Correction().applied(view)
    assert np.array_equal(same.centre, view.centre)
    assert np.allclose(same.camera_to_world, view.camera_to_world, atol=1e-15)


@pytest.mark.parametrize(
    ("correction", "point", "moved"),
    [
        (Correction(column_px=1.0), [0, 0, 0], [1, 0]),
        (Correction(row_px=1.0), [0, 0, 0], [0, 1]),
        (Correction(roll_deg=5.0), [0, 0, 0.5], [10 * np.sin(np.deg2rad(5)) * 0.5 / 4, 10 * (1 - np.cos(np.deg2rad(5))) * 0.5 / 4]),
        (Correction(distance=0.25), [0, 0.5, 0], [10 * 0.5 * (1 / 5 - 1 / 4), 0]),
    ],
)
def test_each_part_moves_the_image_as_it_says(correction, point, moved):
    view = one_view(0)
    assert seen(correction.applied(view), point) - seen(view, point) == pytest.approx(moved, abs=1e-9)


def test_a_larger_angle_of_the_stage_is_a_smaller_azimuth():
    turned = Correction(angle_deg=10.0).applied(one_view(30))
    assert np.allclose(turned.camera_to_world, one_view(20).camera_to_world)


def test_values_keep_their_order():
    correction = Correction(column_px=1, row_px=2, roll_deg=3, angle_deg=4, distance=5)
    assert Correction.of(correction.values()) == correction
    assert [getattr(correction, name) for name in NAMES] == [1, 2, 3, 4, 5]
