"""A scan on a circle in mm: cameras, the law of the pixel at the axis, and what cannot be."""

import numpy as np
import pytest

from xct4d.errors import InputError
from xct4d.readers.circular import PARALLEL, Circle

GIVEN = {"where": "a.txt", "size": (2000, 1000), "pixel_mm": (0.2, 0.2), "source_to_axis_mm": 149.2543, "source_to_detector_mm": 867.5093}


def test_the_numbers_of_a_real_scanner():
    """nikon_balls: a voxel of 0.03440985 mm, a focal length of 4337.547 pixels, a source 4.33755 world units away."""
    scan = Circle(**GIVEN)
    assert scan.pixel_at_axis_mm[0] == pytest.approx(0.03440985, rel=1e-6)
    assert scan.focal == pytest.approx((4337.5465, 4337.5465))
    assert scan.world_mm == pytest.approx(34.40985)
    assert np.linalg.norm(scan.camera(30.0)[0, :, 3]) == pytest.approx(4.33755, rel=1e-5)


def test_the_law_tells_what_is_wrong():
    scan = Circle(**GIVEN)
    scan.check_law(0.03440985, "VoxelSizeX")
    for wrong, factor in ((0.0688197, "a factor of 2"), (34.40985, "a factor of 1000"), (0.0172049, "a factor of 0.5")):
        with pytest.raises(
            InputError, match=rf"a.txt: VoxelSizeX: is .* {factor}; correct the distance or the size of a pixel that is wrong"
        ):
            scan.check_law(wrong, "VoxelSizeX")


def test_the_box_holds_the_longer_side():
    assert Circle(**GIVEN | {"size": (1000, 2000)}).world_mm == pytest.approx(34.40985)
    assert Circle(**GIVEN | {"unit_mm": 5.0}).world_mm == 5.0


def test_a_source_that_is_very_far_away_is_parallel():
    scan = Circle(**GIVEN | {"source_to_axis_mm": 1e6, "source_to_detector_mm": 1.1e6})
    assert scan.is_parallel
    assert np.linalg.norm(scan.camera(0.0)[0, :, 3]) == PARALLEL
    assert 2 * PARALLEL / scan.focal[0] * 1000 == pytest.approx(2)  # the box is as wide as 2000 pixels


def test_shift_roll_and_tilt_keep_a_rigid_camera():
    pose = Circle(**GIVEN, axis_mm=3.0, roll_deg=2.0, tilt_deg=-5.0).camera(77.0)[0]
    assert pose[:, :3].T @ pose[:, :3] == pytest.approx(np.eye(3))
    assert np.linalg.det(pose[:, :3]) == pytest.approx(1)
    assert (pose[:, 3] @ pose[:, 0]) / np.linalg.norm(pose[:, 3]) != pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("source_to_axis_mm", 900.0, "must lie before the detector at 867.509 mm; correct the distances; are the two exchanged"),
        ("source_to_axis_mm", -1.0, "must lie before the detector"),
        ("source_to_detector_mm", float("inf"), "must lie before the detector"),
        ("pixel_mm", (0.2, 0.0), "pixels of 0.2 x 0 mm cannot be"),
        ("size", (0, 10), "an image of 0 x 10 pixels cannot be"),
        ("axis_mm", 80.0, "the rotation axis 80 mm beside the middle of images 68.82 mm wide cannot be; correct the offset of the axis"),
        ("axis_mm", float("nan"), "the rotation axis nan mm"),
        ("centre", (1000.0, 1e6), "the middle of the beam at pixel 1e[+]06 of 1000 cannot be; correct the offset of the detector"),
        ("tilt_deg", 95.0, "a tilt of 95 degrees cannot be"),
    ],
)
def test_what_cannot_be_is_one_line(key, value, says):
    with pytest.raises(InputError, match=says):
        Circle(**GIVEN | {key: value})
