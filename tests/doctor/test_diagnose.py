"""Each planted error is named, and the keys that would correct it; a right scan has none."""

from dataclasses import replace

import balls_scan
import numpy as np
import pytest

from xct4d.config import Geometry
from xct4d.doctor.diagnose import diagnose
from xct4d.doctor.diagnosis import sections
from xct4d.doctor.sample import Sample
from xct4d.geometry.corrections import negated, rolled, with_axis_to_the_right


def found_in(sample, given=None):
    return diagnose(sample, given or Geometry())[0]


def with_poses(sample, change):
    return replace(sample, views=replace(sample.views, camera_to_world=change(sample.views.camera_to_world)))


def shifted(sample, pixels):
    """As files that put the axis so many pixels too far to the left."""
    return with_poses(sample, lambda poses: with_axis_to_the_right(poses, -pixels * balls_scan.DISTANCE / balls_scan.FOCAL))


def with_noise(sample, sigma):
    return replace(sample, images=(sample.images + np.random.default_rng(0).normal(0, sigma, sample.images.shape)).astype(np.float32))


@pytest.fixture(scope="module")
def sample():
    return balls_scan.scan()


def test_a_right_scan_needs_nothing(sample):
    for one in (sample, with_noise(sample, 0.01), with_poses(sample, lambda poses: poses.copy())):
        found = found_in(one)
        assert (found.verdict, found.mend, found.findings) == ("right", {}, [])
        assert found.margin < 1.1
        assert found.scores["mirrored"] > 3 * found.scores["as the files say"]


@pytest.mark.parametrize("plant", [
    balls_scan.mirrored, lambda sample: with_poses(sample, negated), lambda sample: replace(sample, images=sample.images[::-1].copy()),
], ids=["mirrored columns", "negated angles", "reverse order"])  # fmt: skip
def test_the_other_handedness_is_named(sample, plant):
    found = found_in(with_noise(plant(sample), 0.005))
    assert found.verdict == "wrong"
    assert found.mend == {"mirror": True}
    assert "mirrored, or the angles have the wrong sign, or the images are in reverse order" in found.findings[0]
    assert any("mirrored columns from negated angles" in line for line in found.cannot_tell)


def test_reverse_order_of_uneven_angles_is_told_from_mirrored_columns():
    azimuths = np.cumsum([0, 10, 40, 25, 35, 50, 15, 30, 45, 20, 40, 30.0])
    cameras = balls_scan.views(azimuths)
    images = balls_scan.transmissions(cameras)
    found = found_in(Sample(images[::-1].copy(), cameras, 1.0, 1.0))
    assert (found.arrangement, found.verdict, found.mend) == ("reversed", "wrong", {})
    assert found_in(Sample(images[:, :, ::-1].copy(), cameras, 1.0, 1.0)).mend == {"mirror": True}


def test_exchanged_rows_and_columns_are_named(sample):
    views = replace(sample.views, centre=sample.views.centre[:, ::-1].copy(), size=sample.views.size[:, ::-1].copy())
    found = found_in(replace(sample, images=sample.images.transpose(0, 2, 1).copy(), views=views))
    assert (found.arrangement, found.mend) == ("transposed", {})
    assert "rows and columns of the images are exchanged" in found.findings[0]


@pytest.mark.parametrize(("change", "key", "expected", "within"), [
    (lambda s: shifted(s, 2.0), "axis_shift_px", 2.0, 0.05),
    (lambda s: shifted(s, -5.0), "axis_shift_px", -5.0, 0.05),
    (lambda s: replace(s, views=replace(s.views, focal=s.views.focal / 2)), "focal_factor", 2.0, 0.01),
    (lambda s: replace(s, views=replace(s.views, focal=s.views.focal * 1.4)), "focal_factor", 1 / 1.4, 0.01),
    (lambda s: with_poses(s, lambda poses: rolled(poses, -2.0)), "roll_deg", 2.0, 0.05),
], ids=["axis +2 px", "axis -5 px", "focal length halved", "focal length 1.4 times", "roll"])  # fmt: skip
def test_a_wrong_parameter_is_measured(sample, change, key, expected, within):
    found = found_in(with_noise(change(sample), 0.005))
    assert found.verdict == "wrong"
    assert found.mend[key] == pytest.approx(expected, abs=within)
    assert set(found.mend) <= {key, "axis_shift_px", "row_shift_px"}
    assert all(abs(found.mend.get(other, 0.0)) < 0.3 for other in {"axis_shift_px", "row_shift_px"} - {key})


def test_corrections_come_on_top_of_those_of_the_configuration(sample):
    given = Geometry(mirror=True, axis_shift_px=1.0, focal_factor=0.5)
    found = found_in(balls_scan.mirrored(shifted(replace(sample, views=replace(sample.views, focal=sample.views.focal / 1.3)), 2.0)), given)
    assert found.mend["mirror"] is False
    assert found.mend["focal_factor"] == pytest.approx(0.65, abs=0.01)
    assert found.mend["axis_shift_px"] == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(("change", "words"), [
    (lambda images: 1 - images, "the images are inverted"),
    (lambda images: np.clip(-np.log(images) / 1.1, 0, 1), "the images are logarithms"),
    (lambda images: -np.log(images) * 2, "the images are logarithms"),
    (lambda images: 0.6 * images, "never divided by air: it has transmission 0.6 "),
    (lambda images: images * (1 - 0.2 * np.linspace(0, 1, images.shape[1], dtype=np.float32)[:, None]) * 0.9, "is uneven by"),
], ids=["inverted", "logarithm of 8 bits", "logarithm", "dim", "a beam's profile"])  # fmt: skip
def test_wrong_intensities_are_named_and_geometry_behind_them(sample, change, words):
    wrong = change(sample.images).astype(np.float32)
    found = found_in(replace(sample, images=wrong))
    assert found.verdict == "wrong"
    assert words in found.findings[0]
    assert found.mend == {}
    found = found_in(balls_scan.mirrored(replace(sample, images=wrong)))
    assert words in found.findings[0]
    assert found.mend == {"mirror": True}


def test_a_sample_wider_than_the_images_is_judged_by_reprojection():
    cameras = balls_scan.views(np.arange(48) * 7.5)
    narrow = balls_scan.narrowed(Sample(balls_scan.transmissions(cameras), cameras, 1.0, 1.0), 34)
    right, wrong = found_in(narrow), found_in(balls_scan.mirrored(narrow))
    assert {right.method, wrong.method} == {"reprojection"}
    assert (right.verdict, right.mend) == ("right", {})
    assert (wrong.verdict, wrong.mend) == ("wrong", {"mirror": True})


@pytest.mark.parametrize(("azimuths", "words"), [(np.arange(5) * 70.0, "5 views are too few"), (np.arange(12) * 5.0, "within 55 degrees")])
def test_too_little_is_said_to_be(azimuths, words):
    cameras = balls_scan.views(azimuths)
    found = found_in(Sample(balls_scan.transmissions(cameras), cameras, 1.0, 1.0))
    assert (found.verdict, found.method) == ("unclear", "none")
    assert words in found.cannot_tell[0]


def test_one_ball_on_the_axis_tells_no_direction(sample):
    centres = np.zeros_like(balls_scan.CENTRES)
    found = found_in(replace(sample, images=balls_scan.transmissions(sample.views, centres)))
    assert found.mend == {}
    assert any("direction of rotation" in line for line in found.cannot_tell)


def test_corrections_go_into_one_section_where_the_scans_agree(sample):
    one, same, other = (found_in(shifted(sample, pixels)) for pixels in (3.0, 3.1, 5.0))
    assert sections({"forward": one, "backward": same}) == {"forward": "geometry", "backward": "geometry"}
    assert sections({"forward": one, "backward": other}) == {"forward": "forward_geometry", "backward": "backward_geometry"}
    assert sections({"forward": one}) == {"forward": "geometry"}
    assert "input: {backward_geometry: {axis_shift_px: " in " ".join(other.lines("backward_geometry"))


def test_a_section_keeps_what_the_configuration_has(sample):
    found = found_in(balls_scan.mirrored(sample), Geometry(tilt_deg=0.5, negate_angles=True))
    assert found.mend == {"mirror": True, "negate_angles": True, "tilt_deg": 0.5}
