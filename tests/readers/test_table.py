"""Plain tables: the contract of readers, flats and darks, stacks, and what is wrong in one line."""

from pathlib import Path

import numpy as np
import pytest
import scanned_ball
from PIL import Image
from table_dataset import KEYS, experiment, save, stack, with_flats

from xct4d.config import Input, Prepare
from xct4d.errors import InputError
from xct4d.io import prepared
from xct4d.readers.table.reader import TableReader
from xct4d.stages.prepare import prepare
from xct4d.testing.readers import ReaderTests


class TestFlatsAndDarks(ReaderTests):
    reader = TableReader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        return with_flats(tmp_path / "dataset")


class TestStack(ReaderTests):
    reader = TableReader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        return stack(tmp_path / "dataset")


class TestTwoScansAndASequence(ReaderTests):
    reader = TableReader()
    counts = {"forward": 6, "backward": 6, "between": 4}
    keys = {"forward": "a/projections.csv", "backward": "b/projections.csv", "between": "c/between.csv"}

    @pytest.fixture
    def folder(self, tmp_path):
        return experiment(tmp_path / "dataset")


def opened(folder: Path, **keys):
    return TableReader().open(folder, Input(folder=str(folder), **keys)).forward


@pytest.mark.parametrize("make", [with_flats, stack])
def test_a_table_gives_geometry_and_transmission(tmp_path, make):
    scan = opened(make(tmp_path / "dataset"), unit_mm=scanned_ball.UNIT_MM)
    for k, projection in enumerate(scan.projections):
        assert projection.camera_to_world[0] == pytest.approx(scanned_ball.pose(scanned_ball.STAGE[k]))
        assert projection.focal == pytest.approx((48.0, 48.0))
        assert projection.centre == (16.0, 12.0)
        assert np.abs(projection.load() - scanned_ball.transmission(k)).max() < 2e-5
    assert scan.unit_mm == scanned_ball.UNIT_MM


def test_the_box_is_as_wide_as_the_detector_at_the_axis(tmp_path):
    scan = opened(with_flats(tmp_path / "dataset"))
    assert scan.unit_mm == pytest.approx(32 / 2 * 2.0 * 64 / 96)


def test_a_sequence_has_its_place_between_the_scans(tmp_path):
    """The sample rests until the first scan's last projection and from the second scan's first."""
    folder = experiment(tmp_path / "dataset")
    keys = {"forward": "a/projections.csv", "backward": "b/projections.csv", "between": "c/between.csv"}
    options = Input(folder=str(folder), split={"method": "none"}, **keys)
    prepare(folder, options, Prepare(target_size=None), "between", tmp_path / "out")
    frames = prepared.load(tmp_path / "out")
    assert frames.time == pytest.approx([0.2, 0.2, 0.5, 0.5])
    assert frames.duration_s == 10


def test_flats_that_drift_are_interpolated(tmp_path):
    folder = with_flats(tmp_path / "dataset")
    later = np.rint(scanned_ball.dark() + 0.9 * scanned_ball.flat()).astype(np.uint16)
    save(folder / "projections_flat_2.tif", later)
    # places: flats at 0 and 1, a dark, projections at 3 to 8, a flat at 9; so the second set is 8.5 after the first
    for k, projection in enumerate(opened(folder).projections):
        level = 1 - 0.1 * (3 + k - 0.5) / 8.5
        assert projection.load() == pytest.approx(scanned_ball.transmission(k) / level, abs=2e-4)


def test_dead_pixels_take_the_median_of_their_neighbours(tmp_path):
    folder = with_flats(tmp_path / "dataset")
    for path in folder.glob("*.tif"):
        image = np.array(Image.open(path))
        image[5, 7:9] = 100
        save(path, image)
    found = opened(folder).projections[0].load()
    expected = scanned_ball.transmission(0)
    assert found[5, 7] == pytest.approx(np.median(expected[4:7, 6:9]), abs=0.05)
    assert np.isfinite(found).all()
    prepare(folder, Input(folder=str(folder), split={"method": "none"}), Prepare(target_size=None), "forward", tmp_path / "out")
    assert "2 dead pixels, which see next to no air in the flats" in (tmp_path / "out" / "checks.json").read_text()


def test_what_has_no_level_of_air_asks_for_it(tmp_path):
    folder = stack(tmp_path / "dataset")
    table = folder / "scan_projections.csv"
    table.write_text(table.read_text().replace("# air: 50000\n", ""))
    with pytest.raises(InputError, match="says nothing about the counts of air; give them as input.intensities.air"):
        opened(folder).projections[0].load()
    found = opened(folder, intensities={"air": 50000}).projections[0].load()
    assert found == pytest.approx(scanned_ball.transmission(0), abs=2e-5)


WRONG = {
    "no columns": (lambda text: "", "lists no projection"),
    "no projection": (lambda text: text[: text.index("file")] + "file,angle_deg\n", "lists no projection"),
    "another column": (lambda text: text.replace("time_s", "time"), "line 5: time is no column of a table; columns are file, angle_deg"),
    "no angles": (lambda text: text.replace("angle_deg,time_s", "time_s,exposure_s"), "line 5: needs the columns file and angle_deg"),
    "another key": (lambda text: text.replace("pixel_mm", "pixel_um"), "line 4: pixel_um is no key of a table; keys are"),
    "a key in words": (lambda text: text.replace("pixel_mm: 2.0", "pixel_mm: 2 mm"), "line 4: pixel_mm: must be a number, not '2 mm'"),
    "no pixel": (lambda text: text.replace("# pixel_mm: 2.0\n", ""), "pixel_mm: is missing"),
    "one distance": (lambda text: text.replace("# source_to_axis_mm: 64.0\n", ""), "source_to_axis_mm: is missing; a cone beam needs both"),
    "distances exchanged": (
        lambda text: text.replace("axis_mm: 64.0", "axis_mm: 96.0").replace("detector_mm: 96.0", "detector_mm: 64.0"),
        "the rotation axis at 96 mm from the source must lie before the detector at 64 mm",
    ),
    "a negative pixel": (lambda text: text.replace("pixel_mm: 2.0", "pixel_mm: -2.0"), "pixel_mm: must be positive, not -2"),
    "a pixel at the axis that is not": (lambda text: "# pixel_at_axis_mm: 2.666\n" + text, "a factor of 2"),
    "an angle in words": (lambda text: text.replace("60.0,", "sixty,"), "angle_deg: must be a number, not 'sixty'"),
    "an angle that is missing": (lambda text: text.replace("60.0,", ","), "angle_deg: is missing; every projection needs its angle"),
    "a cell too few": (lambda text: text.replace("120.0,,", "120.0,"), "has 3 cells for 4 columns"),
    "another kind": (lambda text: text.replace("dark\n", "shade\n"), "kind: shade is no kind of image"),
    "an image twice": (lambda text: text.replace("projections_1.tif,60.0,,projection", "projections_0.tif,60.0,,projection"), "holds 1 images, not 2"),
    "an image outside": (lambda text: text.replace("projections_1.tif", "../projections_1.tif"), "lies outside the folder"),
    "an absolute path": (lambda text: text.replace("projections_1.tif", "/projections_1.tif"), "is an absolute path"),
    "darks alone": (lambda text: text.replace(",flat\n", ",dark\n"), "lists darks, but no flats"),
    "flats and a level": (lambda text: "# air: 50000\n" + text, "gives a level of air or of darkness beside flats"),
    "flats and darks exchanged": (lambda text: text.replace(",dark\n", ",?\n").replace(",flat\n", ",dark\n").replace(",?\n", ",flat\n"), "the flats are no brighter"),
    "a quote that never ends": (lambda text: text.replace("projections_1.tif", '"projections_1.tif'), "is no comma-separated line"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_is_one_line(tmp_path, case):
    change, says = WRONG[case]
    folder = with_flats(tmp_path / "dataset")
    table = folder / "projections.csv"
    text = table.read_text()
    assert change(text) != text
    table.write_text(change(text))
    with pytest.raises(InputError) as caught:
        for projection in opened(folder).projections:
            projection.load()
    assert says in str(caught.value)
    assert "projections.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pages_may_be_named_and_must_exist(tmp_path):
    folder = stack(tmp_path / "dataset")
    table = folder / "scan_projections.csv"
    rows = "\n".join(f"stack.tif,{scanned_ball.STAGE[k]},{k + 1}" for k in (4, 1))
    table.write_text(KEYS + "# air: 50000\nfile,angle_deg,page\n" + rows + "\n")
    first, second = (projection.load() for projection in opened(folder).projections)
    assert first == pytest.approx(scanned_ball.transmission(4), abs=2e-5)
    assert second == pytest.approx(scanned_ball.transmission(1), abs=2e-5)
    table.write_text(table.read_text().replace(",5\n", ",7\n"))
    with pytest.raises(InputError, match="holds 6 images, not 7"):
        opened(folder).projections[0].load()
    table.write_text(table.read_text().replace(",7\n", ",2\n"))
    with pytest.raises(InputError, match="line 8: file: stack.tif is listed before, at .*line 7"):
        opened(folder)


def test_a_closing_frame_is_said(tmp_path):
    folder = with_flats(tmp_path / "dataset")
    assert opened(folder).notes == []
    table = folder / "projections.csv"
    save(folder / "closing.tif", scanned_ball.counts(0))
    table.write_text(table.read_text() + "closing.tif,360.5,,projection\n")
    assert opened(folder).notes == ["the last projection, closing.tif, shows the first one's direction again; it is used as any other"]
