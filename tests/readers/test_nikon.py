"""Nikon's own files: the contract of readers, and the numbers."""

import os
from datetime import datetime
from pathlib import Path

import nikon_dataset
import numpy as np
import pytest
import tiny_dataset
from PIL import Image

from xct4d.config import Input, Prepare
from xct4d.errors import InputError
from xct4d.geometry.views import orbit
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


class TestStopStart(ReaderTests):
    """With NAME.ang and NAME.ctinfo.xml, as a stop-start scan leaves them."""

    reader = NikonReader()
    counts = {"forward": 6, "backward": 6}
    keys = {"forward": "before.xtekct", "backward": "after.xtekct"}
    optional = (".ang", ".ctinfo.xml")

    @pytest.fixture
    def folder(self, tmp_path):
        folder = nikon_dataset.make(tmp_path / "dataset")
        nikon_dataset.add_angles(folder, "before")
        nikon_dataset.add_angles(folder, "after")
        return folder


class TestContinuous(ReaderTests):
    """With _ctdata.txt, in folders of their own."""

    reader = NikonReader()
    counts = {"forward": 6, "backward": 6}
    keys = {"forward": "first/scan.xtekct", "backward": "second/scan.xtekct"}
    optional = ("_ctdata.txt",)

    @pytest.fixture
    def folder(self, tmp_path):
        for name in ("first", "second"):
            nikon_dataset.add_ctdata(nikon_dataset.make(tmp_path / "dataset" / name, scans=["scan"]))
        return tmp_path / "dataset"


class TestExportedImages(ReaderTests):
    """8 bit images in a folder, under names of their own: the record's level of air cannot be theirs."""

    reader = NikonReader()
    counts = {"forward": 6}
    keys = {"intensities": {"air": 255}}

    @pytest.fixture
    def folder(self, tmp_path):
        return nikon_dataset.exported(nikon_dataset.make(tmp_path / "dataset", scans=["scan"]))


def opened(folder: Path, **keys):
    return NikonReader().open(folder, Input(folder=str(folder), **keys)).forward


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
    "more projections than images": ("Projections=6", "Projections=9", "Projections: there is no image"),
    "a part of a projection": ("Projections=6", "Projections=6.5", "Projections: must be a whole number from 1 to 100000, not 6.5"),
    "no projection": ("Projections=6", "Projections=0", "Projections: must be a whole number"),
    "no white level": ("WhiteLevel=50000", "", "WhiteLevel: is missing"),
    "an angle in words": ("AngularStep=60.0", "AngularStep=sixty", "AngularStep: must be a number, not sixty"),
    "an infinite angle": ("AngularStep=60.0", "AngularStep=inf", "AngularStep: must be a number, not inf"),
    "a wrong name": ("Projections=6", "Projections=5\nName=other", "Name: there is no image"),
    "distances exchanged": ("SrcToObject=64.0", "SrcToObject=96.0", "SrcToObject: is 96 mm, not less than the SrcToDetector of 96 mm"),
    "a halved distance": (
        "SrcToDetector=96.0",
        "SrcToDetector=192.0",
        "VoxelSizeX: is 1.33333 mm, but a detector pixel of 2 mm over the magnification 3 is",
    ),
    "micrometres": ("DetectorPixelSizeX=2.0", "DetectorPixelSizeX=2000", "a factor of 0.001; correct the distance or the size of a pixel"),
    "a cropped detector": ("DetectorPixelsX=32", "DetectorPixelsX=50", "DetectorPixelsX: is 50 x 24, but images have 32 x 24 pixels"),
    "no head": ("[XTekCT]", "", "is no INI file"),
    "a tilt beyond all": ("CentreOfRotationTop=0.0", "ObjectTilt=120", "a tilt of 120 degrees cannot be"),
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


WRONG_ANGLES = {
    "fewer than projections": ("scan.ang", lambda text: "".join(text.splitlines(True)[:4]), "scan.ang: has 3 angles for 6 projections"),
    "a row that is missing": ("scan.ang", lambda text: text.replace("3:\t", "4:\t"), "line 4: has projection 4 where 3 should be"),
    "a word": ("scan.ang", lambda text: text.replace("-120.000", "south"), "line 4: must be a number, not 'south'"),
    "another scan's": ("scan.ang", lambda text: text.replace("-300.000", "-200.000"), "differs by up to 1.67 steps from a rotation"),
    "a cut row of times": (
        "_ctdata.txt",
        lambda text: text.replace("060.5000\t", "060.5000 ").replace("060.5000", ""),
        "line 5: must be number, angle and time",
    ),
    "times that go back": ("_ctdata.txt", lambda text: text.replace("4.25", "1.25"), "line 5: the time 1.25 s is not after 3.9 s"),
    "another text": ("_ctdata.txt", lambda text: "notes\n", "does not begin with Projections, Frames, Exposure"),
    "no XML": ("scan.ctinfo.xml", lambda text: text.replace("</Information>", ""), "scan.ctinfo.xml: is no XML"),
    "entities": ("scan.ctinfo.xml", lambda text: "<!DOCTYPE a>" + text, "scan.ctinfo.xml: defines entities"),
    "another spelling of time": ("scan.ctinfo.xml", lambda text: text.replace("09.30.23", "09:30"), "ScanStart: must be a time such as"),
    "a negative exposure": (
        "scan.ctinfo.xml",
        lambda text: text.replace(">500<", ">-5<"),
        "ExposureMilliseconds: must be a positive number",
    ),
}


@pytest.mark.parametrize("case", WRONG_ANGLES)
def test_a_wrong_record_of_angles_or_times_is_one_line(tmp_path, case):
    name, change, says = WRONG_ANGLES[case]
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    (nikon_dataset.add_ctdata(folder) if name == "_ctdata.txt" else nikon_dataset.add_angles(folder, "scan"))
    text = (folder / name).read_text()
    assert change(text) != text
    (folder / name).write_text(change(text))
    with pytest.raises(InputError) as caught:
        opened(folder)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_offsets_are_read_and_said_to_be_unproven(tmp_path):
    """Detector 1 mm to the right and 2 mm upwards; axis, at the detector, 0.9 mm to the right at its top and 0.3 mm at its bottom."""
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    record = folder / "scan.xtekct"
    text = record.read_text().replace("DetectorOffsetX=0.0", "DetectorOffsetX=1.0").replace("DetectorOffsetY=0.0", "DetectorOffsetY=2.0")
    record.write_text(text.replace("RotationTop=0.0", "RotationTop=0.9").replace("RotationBottom=0.0", "RotationBottom=0.3"))
    scan = opened(folder)
    assert [note.split(" ")[0] for note in scan.notes[:4]] == [
        "DetectorOffsetX", "DetectorOffsetY", "CentreOfRotationTop", "CentreOfRotationBottom",
    ]  # fmt: skip
    assert all("no public scan proves its sign" in note for note in scan.notes[:4])
    first = scan.projections[0]
    assert first.centre == pytest.approx((16 - 0.5, 12 + 1))
    rotation, source = first.camera_to_world[0, :, :3], first.camera_to_world[0, :, 3]

    def column_of(z):  # of a point on the rotation axis
        x, _, back = rotation.T @ (np.array([0, 0, z]) - source)
        return first.centre[0] + first.focal[0] * x / -back

    middle, slope = 0.6 / 2, np.tan(np.arctan2(0.6, 24 * 2))
    assert column_of(0.0) - first.centre[0] == pytest.approx(middle, abs=1e-3)
    assert (column_of(0.5) - column_of(-0.5)) / (0.5 * 2 * tiny_dataset.FOCAL / tiny_dataset.DISTANCE) == pytest.approx(slope, rel=1e-2)


def test_angles_and_times_are_those_that_were_measured(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    nikon_dataset.add_angles(folder, "scan", start=7.0)
    scan = opened(folder)
    assert scan.projections[2].camera_to_world[0] == pytest.approx(nikon_dataset.pose(2, 7.0))
    assert (scan.started, scan.projections[0].exposure_s) == (datetime(2024, 4, 25, 9, 30, 23), 1.0)
    nikon_dataset.add_ctdata(folder, zero=0.5)  # goes before NAME.ang: it holds times, too
    scan = opened(folder)
    assert scan.projections[2].camera_to_world[0] == pytest.approx(nikon_dataset.pose(2, 0.5))
    assert [p.start_s for p in scan.projections] == pytest.approx([3.9 + 0.35 * k for k in range(6)])
    assert scan.projections[0].exposure_s == 0.354
    assert all(projection.time is None for projection in scan.projections)  # of a scan at rest, which has one time


def test_the_stage_turns_during_an_exposure_unless_it_shuttles(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    assert {projection.turn_deg for projection in opened(folder).projections} == {None}  # no times, no speed
    nikon_dataset.add_ctdata(folder)
    speed = nikon_dataset.STEP / 0.35
    assert [p.turn_deg for p in opened(folder).projections] == pytest.approx([speed * 0.354] * 6)
    record = folder / "scan.xtekct"
    record.write_bytes(record.read_bytes().replace(b"[XTekCT]\r\n", b"[XTekCT]\r\nShuttling=True\r\n"))
    assert {projection.turn_deg for projection in opened(folder).projections} == {None}


def test_two_scans_take_their_angles_from_the_same_kind_of_record(tmp_path):
    """The zeros of NAME.ang and of InitialAngle may differ by degrees."""
    folder = nikon_dataset.make(tmp_path / "dataset")
    nikon_dataset.add_angles(folder, "before", start=5.0)
    keys = {"forward": "before.xtekct", "backward": "after.xtekct"}
    options = Input(folder=str(folder), **keys)
    for scan in NikonReader().open(folder, options).acquisitions.values():
        assert scan.projections[1].camera_to_world[0] == pytest.approx(nikon_dataset.pose(1, 0.0))
        assert any("angles are InitialAngle + k AngularStep" in note for note in scan.notes)
    assert not any(path.suffix == ".ang" for path in NikonReader().files(folder, options)["forward"])


def test_images_of_a_region_and_of_larger_pixels(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    record = folder / "scan.xtekct"
    text = record.read_text()
    whole = text.replace("DetectorPixelsX=32", "DetectorPixelsX=64").replace("DetectorPixelsY=24", "DetectorPixelsY=48")
    record.write_text(whole.replace("WhiteLevel", "RegionPixelsX=32\nRegionPixelsY=24\nRegionStartX=10\nRegionStartY=4\nWhiteLevel"))
    region = opened(folder).projections[0]
    assert (region.centre, region.focal, region.size) == ((22.0, 20.0), (48.0, 48.0), (32, 24))
    record.write_text(whole)
    binned = opened(folder).projections[0]
    assert (binned.centre, binned.focal, binned.size) == ((16.0, 12.0), (24.0, 24.0), (32, 24))


def test_rescaled_images_need_their_own_level_of_air(tmp_path):
    folder = nikon_dataset.exported(nikon_dataset.make(tmp_path / "dataset", scans=["scan"]))
    with pytest.raises(InputError, match="holds at most 255 counts, so the 50000 of air .* are not its own; .* input.intensities.air"):
        opened(folder).projections[0].load()
    scan = opened(folder, intensities={"air": 255})
    assert [note for note in scan.notes if "train_007.png repeats the first projection and is left out" in note]
    cameras = tiny_dataset.views([0.0], polar=90.0)
    assert np.abs(scan.projections[0].load() - tiny_dataset.transmission(cameras, 0, 0.0)).max() < 3e-3


@pytest.mark.parametrize("keys", [{}, {"forward": "before.xtekct"}])
def test_two_records_must_be_named(tmp_path, keys):
    folder = nikon_dataset.make(tmp_path / "dataset")
    with pytest.raises(
        InputError, match="which scan is whose: after.xtekct, before.xtekct.; name them as input.forward and input.backward"
    ):
        NikonReader().files(folder, Input(folder=str(folder), **keys))


def test_air_that_is_not_the_white_level_is_noted(tmp_path):
    """Within 3 % it is taken as it is."""
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    record, text = folder / "scan.xtekct", (folder / "scan.xtekct").read_text()
    for white, noted in ((51000, False), (52000, True)):
        record.write_text(text.replace("WhiteLevel=50000", f"WhiteLevel={white}"))
        out = tmp_path / str(white)
        prepare(folder, Input(folder=str(folder), split={"method": "none"}), Prepare(target_size=None), "forward", out)
        assert ("air has transmission 0.962, flat_field says 1" in (out / "checks.json").read_text()) == noted


@pytest.mark.parametrize("number", [1, 3])
def test_a_run_of_images_with_a_gap_is_refused(tmp_path, number):
    """With the repeat of the first there are as many left as projections: they would be taken for others."""
    folder = nikon_dataset.exported(nikon_dataset.make(tmp_path / "dataset", scans=["scan"]))
    (folder / "images" / f"train_{number:03d}.png").unlink()
    with pytest.raises(InputError, match="there is no image .*scan_0001.tif, and no complete run of 6 or 7 numbered images"):
        opened(folder, intensities={"air": 255})


def test_one_file_is_one_state(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    with pytest.raises(InputError, match="one file is named for several states"):
        NikonReader().open(folder, Input(folder=str(folder), forward="scan.xtekct", between="scan.xtekct"))


real = pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")


@real
def test_a_real_scan_has_the_geometry_that_was_verified_by_hand():
    """Six balls reproject to 0.8 px rms with these poses."""
    folder = Path(DATA) / "nikon_balls"
    scan = opened(folder, forward="balls_ivan 2.xtekct", intensities={"air": 255})
    verified = read(folder / "transforms_corrected.json").projections[:16]
    assert len(scan.projections) == 16
    for own, projection in zip(scan.projections, verified, strict=True):
        assert own.camera_to_world == pytest.approx(projection.camera_to_world, abs=1e-6)
        assert own.focal == pytest.approx(projection.focal)
        assert (own.centre, own.size) == (projection.centre, projection.size)
        assert own.path == projection.path
    assert scan.unit_mm == pytest.approx(34.40985)
    assert (scan.started, scan.projections[0].exposure_s) == (datetime(2024, 4, 25, 9, 30, 23), 1.0)
    assert np.array_equal(scan.projections[3].load(), verified[3].load())


# number of projections, mm per world unit, azimuths of the first, second and last, by hand
REAL = {
    "balls3": (256, 18.00777, (0.0, -1.405, -358.593)),
    "cube": (256, 20.91962, (0.0, -1.406, -358.593)),
    "pillars": (128, 31.69942, (0.0, -2.811, -357.186)),
    "balls7": (512, 15.25101, (-0.5613, -1.2693, -359.8967)),
    "balls7_th": (512, 15.25101, (-0.5613, -1.2693, -359.8967)),
}


@real
@pytest.mark.parametrize("name", REAL)
def test_real_records_without_images(tmp_path, name):
    """Images of the right size stand in for those that are not public; the record's law of pixel and voxel holds."""
    count, unit_mm, azimuths = REAL[name]
    for path in (Path(DATA) / "nikon_metadata" / name).iterdir():
        if path.suffix in (".xtekct", ".ang", ".txt"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (record,) = tmp_path.glob("*.xtekct")
    size = 1000 if name.startswith("balls7") else 2000
    Image.fromarray(np.zeros((size, size), np.uint8)).save(tmp_path / f"{record.stem}_0001.tif")
    for k in range(2, count + 2):
        os.link(tmp_path / f"{record.stem}_0001.tif", tmp_path / f"{record.stem}_{k:04d}.tif")
    scan = opened(tmp_path)
    assert (len(scan.projections), scan.unit_mm) == (count, pytest.approx(unit_mm))
    for k, azimuth in zip((0, 1, -1), azimuths, strict=True):
        distance = np.hypot(*scan.projections[k].camera_to_world[0, :2, 3])
        assert scan.projections[k].camera_to_world[0] == pytest.approx(orbit(azimuth, 90.0, distance), abs=1e-6)
    if name.startswith("balls7"):
        assert (scan.projections[0].start_s, scan.projections[0].exposure_s) == (pytest.approx(3.8937669), 0.354)
        assert "the stage turns 0.7032 degrees during an exposure, 1.00 of a step" in scan.notes  # 1.9863 degrees a second
