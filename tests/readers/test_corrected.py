"""What the configuration corrects: cameras as they see the rotation axis, and transmissions."""

import os
from pathlib import Path

import numpy as np
import pytest
import scanned_ball
import tiny_dataset
from PIL import Image
from table_dataset import KEYS, save

from xct4d.config import Input, Prepare
from xct4d.errors import InputError
from xct4d.geometry.rays import cast
from xct4d.geometry.views import Views
from xct4d.io import prepared
from xct4d.readers.corrected import hardened
from xct4d.readers.dataset import open_dataset
from xct4d.readers.medians import replaced_by_medians, without_zingers
from xct4d.readers.reference.cameras import read
from xct4d.stages.prepare import prepare

DATA = os.environ.get("XCT4D_DATA")


@pytest.fixture
def folder(tmp_path):
    """Six projections of a scanner that corrects its images itself."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    rows = []
    for k, angle in enumerate(scanned_ball.STAGE):
        image = np.rint(scanned_ball.transmission(k) * 50000).astype(np.uint16)
        rows.append(f"{save(folder / f'{k}.tif', image)},{angle}")
    (folder / "projections.csv").write_text(KEYS + "# air: 50000\nfile,angle_deg\n" + "\n".join(rows) + "\n")
    return folder


def opened(folder, geometry=None, intensities=None):
    keys = {"geometry": geometry or {}, "intensities": intensities or {}, "unit_mm": scanned_ball.UNIT_MM}
    return open_dataset(folder, Input(folder=str(folder), **keys)).forward


def seen(projection, point) -> np.ndarray:
    """(column, row) of a point in the world."""
    rotation, source = projection.camera_to_world[0, :, :3], projection.camera_to_world[0, :, 3]
    x, y, back = rotation.T @ (np.array(point, float) - source)
    return np.array([projection.centre[0] - projection.focal[0] * x / back, projection.centre[1] + projection.focal[1] * y / back])


def test_nothing_is_changed_by_default(folder):
    scan = opened(folder)
    assert scan.notes == []
    assert seen(scan.projections[2], (0, 0, 0)) == pytest.approx([16, 12])


def test_the_axis_is_seen_where_the_shift_puts_it(folder):
    scan = opened(folder, {"axis_shift_px": 2.5})
    assert scan.notes == ["corrected as the configuration says: geometry.axis_shift_px 2.5"]
    for projection in scan.projections:
        assert seen(projection, (0, 0, 0)) == pytest.approx([18.5, 12])
        assert seen(projection, (0, 0, 0.4))[0] == pytest.approx(18.5)


def test_rows_shift_downwards(folder):
    assert seen(opened(folder, {"row_shift_px": -1.5}).projections[1], (0, 0, 0)) == pytest.approx([16, 10.5])


def test_a_rolled_axis_leans_to_the_right(folder):
    projection = opened(folder, {"roll_deg": 10}).projections[1]
    (column, row), middle = seen(projection, (0, 0, 0.5)), seen(projection, (0, 0, 0))
    assert (column - middle[0]) / (middle[1] - row) == pytest.approx(np.tan(np.deg2rad(10)))


def test_the_upper_end_of_a_tilted_axis_is_nearer_to_the_source(folder):
    source = opened(folder, {"tilt_deg": 20}).projections[1].camera_to_world[0, :, 3]
    assert source[2] / np.linalg.norm(source) == pytest.approx(np.sin(np.deg2rad(20)))
    assert np.linalg.norm(source) == pytest.approx(4)
    assert seen(opened(folder, {"tilt_deg": 20}).projections[1], (0, 0, 0)) == pytest.approx([16, 12])


def test_angles_are_negated(folder):
    scan = opened(folder, {"negate_angles": True})
    for angle, projection in zip(scanned_ball.STAGE, scan.projections, strict=True):
        assert projection.camera_to_world[0] == pytest.approx(scanned_ball.pose(-angle))


def test_focal_lengths_are_multiplied(folder):
    assert opened(folder, {"focal_factor": 2.0}).projections[0].focal == (96.0, 96.0)


def test_the_shift_is_in_pixels_whatever_the_focal_factor(folder):
    assert seen(opened(folder, {"focal_factor": 2.0, "axis_shift_px": 3}).projections[0], (0, 0, 0))[0] == pytest.approx(19)


def test_mirrored_images_are_mirrored_back(folder):
    for path in folder.glob("*.tif"):
        save(path, np.array(Image.open(path))[:, ::-1])
    table = folder / "projections.csv"
    table.write_text("# centre_column: 14\n" + table.read_text())  # of the mirrored image
    scan = opened(folder, {"mirror": True})
    for k, projection in enumerate(scan.projections):
        assert projection.load() == pytest.approx(scanned_ball.transmission(k), abs=2e-5)
        assert projection.centre == (18, 12)


def test_mirror_and_negated_angles_together_show_the_mirror_image(folder):
    """The same projections of an object with y for -y: what no scan can tell apart."""
    for k, projection in enumerate(opened(folder, {"mirror": True, "negate_angles": True}).projections):
        intrinsics = (np.array([n]) for n in (projection.focal, projection.centre, projection.size))
        rays = cast(
            Views(projection.camera_to_world, *intrinsics),
            np.zeros(768, int),
            *(g.ravel() + 0.5 for g in np.meshgrid(range(32), range(24))),
        )
        centre = tiny_dataset.centre(0.0) * [1, -1, 1]
        along = ((centre - rays[:, :3]) * rays[:, 3:6]).sum(1)
        beside = ((rays[:, :3] + along[:, None] * rays[:, 3:6] - centre) ** 2).sum(1)
        chord = 2 * np.sqrt(np.maximum(tiny_dataset.RADIUS**2 - beside, 0))
        expected = np.exp(-tiny_dataset.ATTENUATION * chord).reshape(24, 32)
        assert projection.load() == pytest.approx(expected, abs=2e-5), k


def test_corrections_reach_the_prepared_projections(folder, tmp_path):
    options = Input(folder=str(folder), split={"method": "none"}, geometry={"axis_shift_px": 1.0}, unit_mm=scanned_ball.UNIT_MM)
    prepare(folder, options, Prepare(target_size=None), "forward", tmp_path / "out")
    assert "corrected as the configuration says: geometry.axis_shift_px 1.0" in (tmp_path / "out" / "checks.json").read_text()
    assert prepared.load(tmp_path / "out").views.camera_to_world[0, 1, 3] == pytest.approx(-4 / 48)  # the camera moves to the left


def test_a_level_of_air_is_not_for_transmissions(tmp_path):
    folder = tiny_dataset.make(tmp_path / "reference")
    with pytest.raises(InputError, match=r"input\.intensities\.air: is given, but the images of .* are transmissions already"):
        open_dataset(folder, Input(folder=str(folder), intensities={"air": 255}))


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
def test_a_real_scan_with_half_its_focal_length_is_mended(tmp_path):
    """transforms.json as shipped: the factor of 2 makes it agree with the scanner's record."""
    folder = Path(DATA) / "nikon_balls"
    given = {"folder": str(folder), "forward": "transforms.json", "split": {"method": "interval"}}
    with pytest.raises(InputError, match="2168.77 px disagrees with balls_ivan 2.xtekct"):
        prepare(folder, Input.model_validate(given), Prepare(), "forward", tmp_path / "out")
    prepare(folder, Input.model_validate(given | {"geometry": {"focal_factor": 2.0}}), Prepare(), "forward", tmp_path / "out")
    views = prepared.load(tmp_path / "out").views
    verified = read(folder / "transforms_corrected.json").projections
    for k, projection in enumerate(verified):
        assert views.focal[k] * 8 == pytest.approx(projection.focal, rel=1e-5)
        assert views.camera_to_world[k, :, :3] == pytest.approx(projection.camera_to_world[0, :, :3], abs=1e-5)


# --- zingers, dead pixels, beam hardening


def test_zingers_take_the_median_and_edges_stay():
    image = np.ones((20, 30), np.float32)
    image[:, 12:] = 0.4  # an edge
    image[9, :] = 0.1  # a strut, one pixel thick
    clean = image.copy()
    image[3, 4] = 3.0
    image[4, 20:22] = 2.0  # a pair
    image[0, 0] = 0.0  # in the corner
    found, count = without_zingers(image, 0.3)
    assert count == 4
    assert np.array_equal(found, clean)
    assert without_zingers(image, 2.5) == (pytest.approx(image), 0)


def test_zingers_are_removed_where_the_configuration_says(folder):
    image = np.array(Image.open(folder / "0.tif"))
    image[2, 3] = 65535
    save(folder / "0.tif", image)
    assert opened(folder).projections[0].load()[2, 3] > 1.3
    assert opened(folder, intensities={"zingers": 0.2}).projections[0].load() == pytest.approx(scanned_ball.transmission(0), abs=2e-5)


def test_a_dead_block_is_filled_from_its_rim():
    image = np.full((9, 9), 2.0, np.float32)
    bad = np.zeros((9, 9), bool)
    bad[2:7, 2:7] = True
    image[bad] = np.nan
    assert np.array_equal(replaced_by_medians(image, bad), np.full((9, 9), 2.0))


def test_beam_hardening_is_a_polynomial_of_the_logarithm(folder):
    p = -np.log(scanned_ball.transmission(1))
    found = opened(folder, intensities={"beam_hardening": [1.0, 0.3]}).projections[1].load()
    assert found == pytest.approx(np.exp(-(p + 0.3 * p**2)), abs=1e-4)


def test_a_sample_that_lies_elsewhere_is_seen_where_it_lies(folder):
    own = opened(folder, {"angle_offset_deg": 30.0, "sample_shift": [0.1, -0.05, 0.2], "tilt_deg": 3.0, "axis_shift_px": 2.0})
    files = opened(folder, {"tilt_deg": 3.0, "axis_shift_px": 2.0})
    x, y, z = 0.3, 0.2, -0.1
    cos, sin = np.cos(np.deg2rad(30)), np.sin(np.deg2rad(30))
    lies = (cos * x - sin * y + 0.1, sin * x + cos * y - 0.05, z + 0.2)  # turned counter-clockwise from above, then moved
    for moved, as_read in zip(own.projections, files.projections, strict=True):
        assert seen(moved, (x, y, z)) == pytest.approx(seen(as_read, lies))
    assert "geometry.angle_offset_deg 30.0, geometry.sample_shift (0.1, -0.05, 0.2)" in own.notes[0]


def test_a_larger_angle_of_the_stage_is_a_smaller_azimuth(folder):
    sources = [opened(folder, {"angle_offset_deg": offset}).projections[2].camera_to_world[0, :2, 3] for offset in (0.0, 10.0)]
    before, after = (np.rad2deg(np.arctan2(y, x)) for x, y in sources)
    assert (after - before + 180) % 360 - 180 == pytest.approx(-10.0)


def test_a_polynomial_that_falls_is_refused():
    image = np.exp(-np.linspace(0, 3, 100)).reshape(10, 10).astype(np.float32)
    hardened(image, (1.0, -0.1), "a.tif")
    with pytest.raises(
        InputError, match=r"input.intensities.beam_hardening \(a.tif\): the polynomial falls between -ln\(I/I0\) = 0 and the"
    ):
        hardened(image, (1.0, -0.2), "a.tif")


def test_a_scan_may_have_a_geometry_of_its_own(tmp_path):
    folder = tiny_dataset.make(tmp_path / "ball")
    own = {"geometry": {"axis_shift_px": 2.0}, "backward_geometry": {"row_shift_px": -1.0}}
    dataset = open_dataset(folder, Input(folder=str(folder), **own))
    middle = {state: seen(one.projections[0], (0, 0, 0)) - [16, 12] for state, one in dataset.acquisitions.items()}
    assert middle["forward"] == pytest.approx([2, 0], abs=0.05)
    assert middle["between"] == pytest.approx([2, 0], abs=0.05)
    assert middle["backward"] == pytest.approx([0, -1], abs=1e-9)
    assert dataset.backward.notes[-1] == "corrected as the configuration says: geometry.row_shift_px -1.0"


def test_the_geometry_of_a_state_that_is_not_there_is_refused(folder):
    with pytest.raises(InputError, match=r"input\.backward_geometry: is given, but there are no backward projections in .*; remove it"):
        open_dataset(folder, Input(folder=str(folder), backward_geometry={"mirror": True}))
