"""Nikon's own files: the contract of readers, and the numbers."""

import os
from pathlib import Path

import nikon_dataset
import numpy as np
import pytest
import tiny_dataset

from xct4d.config import Input, Prepare
from xct4d.errors import InputError
from xct4d.io import prepared
from xct4d.readers.nikon.reader import NikonReader
from xct4d.readers.reference.cameras import read
from xct4d.stages.prepare import prepare
from xct4d.testing.readers import ReaderTests

DATA = os.environ.get("XCT4D_DATA")


class TestOneScan(ReaderTests):
    reader = NikonReader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        return nikon_dataset.make(tmp_path / "dataset", scans=["scan"])


class TestTwoScans(ReaderTests):
    reader = NikonReader()
    counts = {"forward": 6, "backward": 6}
    keys = {"forward": "before.xtekct", "backward": "after.xtekct"}

    @pytest.fixture
    def folder(self, tmp_path):
        return nikon_dataset.make(tmp_path / "dataset")


def test_projections_are_where_the_record_puts_them(tmp_path):
    """From the files to prepared projections: the ball's transmission by the chord of each ray."""
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"], start=12.5)
    prepare(folder, Input(folder=str(folder), split={"method": "none"}), Prepare(target_size=None), "forward", tmp_path / "out")
    frames = prepared.load(tmp_path / "out")
    assert frames.unit_mm == pytest.approx(nikon_dataset.UNIT_MM)
    assert frames.views.focal == pytest.approx(np.full((6, 2), tiny_dataset.FOCAL))
    for k in range(6):
        assert frames.views.camera_to_world[k] == pytest.approx(nikon_dataset.pose(k, 12.5), abs=1e-12)
        assert np.abs(frames.image(k) - tiny_dataset.transmission(frames.views, k, 0.0)).max() < 1e-4


def test_counts_above_the_white_level_are_clipped_and_said(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    record = folder / "scan.xtekct"
    record.write_text(record.read_text().replace("WhiteLevel=50000", "WhiteLevel=49000"))
    prepare(folder, Input(folder=str(folder), split={"method": "none"}), Prepare(target_size=None), "forward", tmp_path / "out")
    assert prepared.load(tmp_path / "out").image(0).max() == 1
    assert "lie outside [0, 1]" in (tmp_path / "out" / "checks.json").read_text()


WRONG = {
    "an offset": ("CentreOfRotationTop=0.0", "CentreOfRotationTop=0.3", "CentreOfRotationTop: is 0.3; programs differ in its sign"),
    "more projections than images": ("Projections=6", "Projections=9", "Projections: there is no image"),
    "no white level": ("WhiteLevel=50000", "", "WhiteLevel: is missing"),
    "an angle in words": ("AngularStep=60.0", "AngularStep=sixty", "AngularStep: must be a number, not sixty"),
    "a lost folder": ("InputFolderName=", "InputFolderName=D:\\scans", "InputFolderName: there is no folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_record_is_one_line(tmp_path, case):
    old, new, says = WRONG[case]
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    record = folder / "scan.xtekct"
    assert old in record.read_text()
    record.write_text(record.read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        NikonReader().open(folder, Input(folder=str(folder)))
    assert says in str(caught.value)
    assert "scan.xtekct" in str(caught.value)


@pytest.mark.parametrize("keys", [{}, {"forward": "before.xtekct"}])
def test_two_records_must_be_named(tmp_path, keys):
    folder = nikon_dataset.make(tmp_path / "dataset")
    with pytest.raises(
        InputError, match="which scan is whose: after.xtekct, before.xtekct.; name them as input.forward and input.backward"
    ):
        NikonReader().files(folder, Input(folder=str(folder), **keys))


def test_a_sequence_is_not_nikon_s(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    with pytest.raises(InputError, match=r"input\.between: a Nikon scan has no sequence"):
        NikonReader().open(folder, Input(folder=str(folder), between="scan.xtekct"))


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
def test_a_real_scan_has_the_geometry_that_was_verified_by_hand(tmp_path):
    """Six balls reproject to 0.8 px rms with these poses; pixels are not opened."""
    real = Path(DATA) / "nikon_balls"
    (tmp_path / "balls_ivan 2.xtekct").write_bytes((real / "balls_ivan 2.xtekct").read_bytes())
    for k in range(1, 18):
        (tmp_path / f"balls_ivan 2_{k:04d}.tif").touch()
    scan = NikonReader().open(tmp_path, Input(folder=str(tmp_path))).forward
    verified = read(real / "transforms_corrected.json").projections[:16]
    assert len(scan.projections) == 16
    for own, projection in zip(scan.projections, verified, strict=True):
        assert own.camera_to_world == pytest.approx(projection.camera_to_world, abs=2e-4)  # the file's angles are rounded to 0.0015 degrees
        assert own.focal == pytest.approx(projection.focal)
        assert (own.centre, own.size) == (projection.centre, projection.size)
    assert scan.unit_mm == pytest.approx(34.40985)


def test_images_beyond_the_count_are_named(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    (folder / "other_0001.tif").write_bytes(b"")
    assert NikonReader().open(folder, Input(folder="x")).forward.notes == ["not used: 2 images that nothing lists, such as other_0001.tif"]
