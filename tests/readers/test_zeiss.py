"""Zeiss .txrm: the contract of readers, the numbers, real files, and damage in one line."""

import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import scanned_ball
import zeiss_file
from zeiss_file import floats, ints

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.dataset import open_dataset
from xct4d.readers.zeiss.reader import ZeissReader
from xct4d.testing.readers import ReaderTests

DATA = os.environ.get("XCT4D_DATA")


class TestConeBeam(ReaderTests):
    reader = ZeissReader()
    counts = {"forward": 6, "backward": 6}
    keys = {"forward": "a.txrm", "backward": "b.txrm"}

    @pytest.fixture
    def folder(self, tmp_path):
        zeiss_file.make(tmp_path / "dataset" / "a.txrm")
        zeiss_file.make(tmp_path / "dataset" / "b.txrm", 1.0)
        return tmp_path / "dataset"


class TestParallelBeam(ReaderTests):
    reader = ZeissReader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        return zeiss_file.make(tmp_path / "dataset" / "scan.txrm", cone=False).parent


def opened(path: Path, **keys):
    return open_dataset(path.parent, Input(folder=str(path.parent), forward=path.name, **keys)).forward


def test_a_cone_beam(tmp_path):
    """Distances may be negative; a pixel at the sample is the detector's over the magnification."""
    scan = opened(zeiss_file.make(tmp_path / "scan.txrm"), unit_mm=scanned_ball.UNIT_MM)
    assert scan.started == datetime(2019, 10, 21, 14, 0, 51, 250000)
    for k, projection in enumerate(scan.projections):
        assert projection.camera_to_world[0] == pytest.approx(scanned_ball.pose(scanned_ball.STAGE[k]))
        assert projection.focal == pytest.approx((48, 48))
        assert projection.centre == (16, 12)
        assert projection.load() == pytest.approx(scanned_ball.transmission(k), abs=1e-4)  # 10000 counts
        assert (projection.start_s, projection.exposure_s) == (60.0 * k, zeiss_file.EXPOSURES[k])
    assert scan.notes[0].startswith("shifts of up to 2.5 columns and 1.25 rows are recorded and not applied")


def test_a_parallel_beam(tmp_path):
    scan = opened(zeiss_file.make(tmp_path / "scan.txrm", cone=False))
    assert scan.unit_mm == pytest.approx(0.16)
    for k, projection in enumerate(scan.projections):
        assert np.linalg.norm(projection.camera_to_world[0, :, 3]) == pytest.approx(4000)
        assert projection.load() == pytest.approx(scanned_ball.parallel_transmission(30.0 * k), abs=1e-4)


@pytest.mark.parametrize(("drift", "sign"), [("add", 1), ("subtract", -1)])
def test_recorded_shifts_are_applied_where_the_configuration_says(tmp_path, drift, sign):
    scan = opened(zeiss_file.make(tmp_path / "scan.txrm"), geometry={"drift": drift})
    assert np.array([p.centre for p in scan.projections]) == pytest.approx(
        np.array([(16 + sign * 0.5 * k, 12 - sign * 0.25 * k) for k in range(6)])
    )
    without = zeiss_file.make(tmp_path / "other" / "scan.txrm", change=lambda streams: streams.pop("Alignment/X-Shifts"))
    with pytest.raises(InputError, match=rf"input\.geometry\.drift: is {drift}, but the files record no shifts"):
        opened(without, geometry={"drift": drift})


def test_a_scan_that_was_stopped(tmp_path):
    scan = opened(zeiss_file.make(tmp_path / "scan.txrm", change=lambda streams: streams.update({"ImageInfo/ImagesTaken": ints(4)})))
    assert len(scan.projections) == 4
    assert scan.notes[0] == "6 images were planned, 4 were taken"


def test_without_references_air_must_be_given(tmp_path):
    path = zeiss_file.make(tmp_path / "scan.txrm", change=lambda streams: streams.pop("ReferenceData/Image"))
    with pytest.raises(InputError, match="ReferenceData/Image: says nothing about the counts of air"):
        opened(path).projections[0].load()
    assert opened(path, intensities={"air": 10000}).projections[0].load().max() == pytest.approx(1, abs=0.01)


def test_several_references_are_averaged(tmp_path):
    def change(streams):
        for number, level in ((1, 30000), (2, 50000)):
            streams[f"MultiReferenceData/Image{number}"] = scanned_ball.flat(level).astype("<f4").tobytes()
        streams["MultiReferenceData/DataType"], streams["MultiReferenceData/ExpTime"] = ints(10), floats(8.0)
        streams.pop("ReferenceData/Image")

    scan = opened(zeiss_file.make(tmp_path / "scan.txrm", change=change))
    assert scan.projections[3].load() == pytest.approx(scanned_ball.transmission(3), abs=1e-4)


def test_the_shift_of_the_scanner_s_reconstruction_is_said(tmp_path):
    path = zeiss_file.make(tmp_path / "scan.txrm", change=lambda streams: streams.update({"ReconSettings/CenterShift": floats(1.5)}))
    assert any("try input.geometry.axis_shift_px: 1.5 or -1.5" in note for note in opened(path).notes)


def setting(name, value):
    return lambda streams: streams.update({name: value})


def dropping(name):
    return lambda streams: streams.pop(name)


WRONG = {
    "no angles": (dropping("ImageInfo/Angles"), "ImageInfo/Angles: is missing"),
    "too few angles": (setting("ImageInfo/Angles", floats(1, 2)), "ImageInfo/Angles: has 2 numbers for 6"),
    "angles that are not finite": (setting("ImageInfo/Angles", floats(*[np.inf] * 6)), "ImageInfo/Angles: holds a value that is not finite"),
    "no image": (dropping("ImageData1/Image4"), "ImageData1/Image4: is missing"),
    "a short image": (setting("ImageData1/Image4", b"1234"), "ImageData1/Image4: has 4 bytes, not the 1536 of 32 x 24 pixels"),
    "a negative width": (setting("ImageInfo/ImageWidth", ints(-32)), "ImageInfo/ImageWidth: must be a whole number from 1 to 100000, not -32"),
    "no images at all": (setting("ImageInfo/ImagesTaken", ints(0)), "NoOfImages: must be a whole number from 1 to 100000, not 0"),
    "another type of pixel": (setting("ImageInfo/DataType", ints(99)), "DataType: is 99, a type of pixel that is not known"),
    "a pixel of nothing": (setting("ImageInfo/PixelSize", floats(0)), "ImageInfo/PixelSize: must be positive, not 0"),
    "a source that moves": (setting("ImageInfo/StoRADistance", floats(64, 64, 64, 70, 64, 64)), "StoRADistance: changes from 64 to 70 mm during the scan"),
    "a source at the axis": (setting("ImageInfo/StoRADistance", floats(*[0.0] * 6)), "StoRADistance: must not be 0 in a cone beam"),
    "an exposure of nothing": (setting("ImageInfo/ExpTimes", floats(*[0.0] * 6)), "ImageInfo/ExpTimes: must be positive, not 0 s"),
    "references of another size": (setting("ReferenceData/Image", bytes(4 * 100)), "ReferenceData/Image: has 400 bytes, not the 3072"),
    "dark references": (setting("ReferenceData/Image", bytes(3072)), "ReferenceData/Image: the flats are no brighter than the darks"),
    "pixels that are not finite": (setting("ReferenceData/Image", floats(*[np.nan] * 768)), "ReferenceData/Image: holds NaN or infinite pixels"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_one_line(tmp_path, case):
    change, says = WRONG[case]
    path = zeiss_file.make(tmp_path / "scan.txrm", change=change)
    with pytest.raises(InputError) as caught:
        for projection in opened(path).projections:
            projection.load()
    assert says in str(caught.value)
    assert "scan.txrm" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_one_line(tmp_path):
    whole = zeiss_file.make(tmp_path / "whole.txrm").read_bytes()
    path = tmp_path / "cut" / "scan.txrm"
    path.parent.mkdir()
    for part in range(1, 20):
        path.write_bytes(whole[: len(whole) * part // 20])
        with pytest.raises(InputError) as caught:
            for projection in opened(path).projections:
                projection.load()
        assert "\n" not in str(caught.value)


def test_bytes_that_went_wrong_are_one_line_or_none(tmp_path):
    """Anywhere in the file, six at a time: nothing but InputError may be raised."""
    path = zeiss_file.make(tmp_path / "scan.txrm")
    whole, random = path.read_bytes(), np.random.default_rng(0)
    complaints = []
    for _ in range(60):
        content = bytearray(whole)
        for place in random.integers(0, min(len(whole), 12000), 6):
            content[place] = random.integers(256)
        path.write_bytes(content)
        try:
            for projection in opened(path).projections[:2]:
                assert np.isfinite(projection.load()).all()
        except InputError as error:
            complaints.append(str(error))
    assert complaints
    assert all("scan.txrm" in line and "\n" not in line for line in complaints)


real = pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")


@real
def test_a_real_scan_of_a_chip():
    """A synchrotron's microscope: seven angles, 5 s each, a voxel of 0.1558 um, no reference; its shifts are those of a metrology."""
    scan = opened(Path(DATA) / "scanners" / "zeiss_dxchange" / "txrm_test_chip_tomo.txrm", intensities={"air": 300})
    turned = [np.rad2deg(np.arctan2(*projection.camera_to_world[0, [1, 0], 2])) for projection in scan.projections]
    assert turned == pytest.approx([45.018, 30.0141, 15.0141, 0.0141, -14.9859, -29.9859, -44.9859], abs=1e-4)
    assert (scan.projections[0].size, scan.projections[0].exposure_s) == ((256, 256), 5.0)
    assert scan.unit_mm == pytest.approx(128 * 0.15578948e-3)
    steps = np.diff([projection.start_s for projection in scan.projections])
    assert ((steps >= 8) & (steps <= 9)).all()
    drift = np.array([projection.drift_px for projection in scan.projections])
    assert abs(drift).max(0) == pytest.approx([1.28, 0.25], abs=0.005)
    assert all(np.isfinite(projection.load()).all() for projection in scan.projections)


@real
def test_a_real_image_with_its_reference(tmp_path):
    """Reference 40 s, image 39.8847 s: transmission 0.139 in the median, 0.102 and 0.417 at 1 and 99 %, reference mean 297.5, image mean 42.7."""
    path = tmp_path / "chip.xrm"
    path.write_bytes((Path(DATA) / "scanners" / "zeiss_dxchange" / "test_chip00.xrm").read_bytes())
    (projection,) = opened(path).projections
    image = projection.load()
    assert np.percentile(image, [1, 50, 99]) == pytest.approx([0.102, 0.1393, 0.4175], rel=5e-3)
    assert projection.counts()[0].mean() * projection.scale == pytest.approx(42.7, abs=0.05)
    assert projection.scale == pytest.approx(39.8847 / 40, rel=1e-5)
