"""Bruker, phoenix and LEAP: the contract of readers, the numbers, and what is wrong in one line."""

import os
from datetime import datetime
from pathlib import Path

import maker_files
import numpy as np
import pytest
import scanned_ball
from PIL import Image

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.bruker.reader import BrukerReader
from xct4d.readers.leap.reader import LeapReader
from xct4d.readers.phoenix.reader import PhoenixReader
from xct4d.testing.readers import ReaderTests

DATA = os.environ.get("XCT4D_DATA")


class TestBruker(ReaderTests):
    reader = BrukerReader()
    counts = {"forward": 6, "backward": 6}
    keys = {"forward": "a.log", "backward": "b.log"}

    @pytest.fixture
    def folder(self, tmp_path):
        maker_files.bruker(tmp_path / "dataset", "a")
        return maker_files.bruker(tmp_path / "dataset", "b", t=1.0)


class TestPhoenix(ReaderTests):
    reader = PhoenixReader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        return maker_files.phoenix(tmp_path / "dataset")


class TestLeap(ReaderTests):
    reader = LeapReader()
    counts = {"forward": 6}
    keys = {"intensities": {"air": maker_files.AIR}}

    @pytest.fixture
    def folder(self, tmp_path):
        return maker_files.leap(tmp_path / "dataset")


MAKERS = {"bruker": (BrukerReader(), maker_files.bruker), "phoenix": (PhoenixReader(), maker_files.phoenix), "leap": (LeapReader(), maker_files.leap)}  # fmt: skip


def opened(maker: str, folder: Path, **keys):
    return MAKERS[maker][0].open(folder, Input(folder=str(folder), **keys)).forward


def edited(maker: str, folder: Path, change) -> Path:
    """The folder with its text changed."""
    folder = MAKERS[maker][1](folder)
    (text,) = [path for path in folder.iterdir() if path.suffix in (".log", ".pca", ".txt")]
    before = text.read_text(encoding="latin-1")
    assert change(before) != before
    text.write_text(change(before), encoding="latin-1")
    return folder


@pytest.mark.parametrize("maker", MAKERS)
def test_geometry_and_transmission(tmp_path, maker):
    scan = opened(maker, MAKERS[maker][1](tmp_path / "dataset"), unit_mm=scanned_ball.UNIT_MM, intensities={"air": maker_files.AIR})
    assert len(scan.projections) == 6
    for k, projection in enumerate(scan.projections):
        angle = scanned_ball.STAGE[k] * (-1 if maker == "leap" else 1)
        assert projection.camera_to_world[0] == pytest.approx(scanned_ball.pose(angle))
        assert projection.focal == pytest.approx((48, 48))
        assert projection.centre == pytest.approx((16, 12))
        if maker != "leap":  # whose images the dataset shows at the angles of the other two
            assert projection.load() == pytest.approx(scanned_ball.transmission(k), abs=2e-5)


def test_leap_s_images_belong_to_its_angles(tmp_path):
    scan = opened("leap", maker_files.leap(tmp_path / "dataset"), intensities={"air": maker_files.AIR})
    stage = [-angle for angle in scanned_ball.STAGE]
    assert scan.projections[1].load() == pytest.approx(scanned_ball.transmission(1, stage=stage), abs=2e-5)
    assert scan.unit_mm == pytest.approx(16, rel=1e-5)  # 24 voxels of 4/3 mm


def test_times_of_bruker_and_phoenix(tmp_path):
    bruker = opened("bruker", maker_files.bruker(tmp_path / "b"))
    assert (bruker.started, bruker.projections[0].exposure_s) == (datetime(2020, 9, 23, 14, 52, 29), pytest.approx(4.05))
    assert opened("phoenix", maker_files.phoenix(tmp_path / "p")).projections[0].exposure_s == pytest.approx(3.0)
    off = edited(
        "bruker",
        tmp_path / "o",
        lambda text: text.replace("ON (3)", "OFF (3)").replace("23 Sep 2020  14h:52m:29s", "Dec 06, 2018  13:31:56"),
    )
    scan = opened("bruker", off)
    assert (scan.started, scan.projections[0].exposure_s) == (datetime(2018, 12, 6, 13, 31, 56), pytest.approx(1.35))


def test_the_repeat_of_the_first_projection_is_left_out(tmp_path):
    for maker, last in (("bruker", "ball0006.tif"), ("phoenix", "ball0007.tif")):
        assert any(last in note and "left out" in note for note in opened(maker, MAKERS[maker][1](tmp_path / maker)).notes)


def test_one_file_less_than_the_log_counts(tmp_path):
    """As SkyScan 1172 logs do, here over 300 degrees."""
    folder = maker_files.bruker(tmp_path / "dataset")
    (folder / "ball0006.tif").unlink()
    scan = opened("bruker", folder)
    assert len(scan.projections) == 6
    assert any("counts 7 files, one more than the 6 projections" in note for note in scan.notes)


def test_a_bruker_that_turns_clockwise(tmp_path):
    folder = edited("bruker", tmp_path / "dataset", lambda text: text.replace("Direction=CC", "Direction=CW"))
    assert opened("bruker", folder, unit_mm=16.0).projections[1].camera_to_world[0] == pytest.approx(scanned_ball.pose(-60.0))


def test_what_no_public_bruker_scan_proves_is_said_with_the_line_to_try(tmp_path):
    folder = edited("bruker", tmp_path / "dataset", lambda text: text.replace("(line)=  12", "(line)=  10").replace("-0.00100", "-0.35"))
    (folder / "ball_TS.csv").write_text("")
    scan = opened("bruker", folder)
    assert scan.projections[0].centre == (16, 10)
    notes = "\n".join(scan.notes)
    assert "input.geometry.row_shift_px: 4" in notes  # 24 - 10 = 14
    assert "try input.geometry.roll_deg: -0.35 or 0.35" in notes
    assert "the shifts of ball_TS.csv are not applied" in notes


def test_a_bruker_whose_pixel_is_not_what_its_distances_make(tmp_path):
    """As in a log of a SkyScan 1275: 75 um x 24.755 / 286 is 6.491 um, the log says 7.000817 um, 1.078 times that. Noted, not refused."""
    wanted = f"{maker_files.AT_AXIS_MM * 1000 * 1.0785:.6f}"
    folder = edited("bruker", tmp_path / "dataset", lambda text: text.replace(f"{maker_files.AT_AXIS_MM * 1000:.6f}", wanted))
    assert any("lengths may be wrong by a factor of 1.079" in note or "1.078" in note for note in opened("bruker", folder).notes)


def test_a_bruker_that_did_not_correct_its_images(tmp_path):
    folder = edited("bruker", tmp_path / "dataset", lambda text: text.replace("Correction=ON", "Correction=OFF"))
    with pytest.raises(InputError, match="Reference Intensity: says nothing about the counts of air"):
        opened("bruker", folder).projections[0].load()


def test_a_parallel_beam_in_disguise(tmp_path):
    """Synchrotrons write such logs: the source is 100 m away."""
    folder = edited(
        "bruker", tmp_path / "dataset",
        lambda text: text.replace("Camera to Source (mm)=96.0", "Camera to Source (mm)=100001").replace("Object to Source (mm)=64.0", "Object to Source (mm)=100000")
        .replace(f"{maker_files.AT_AXIS_MM * 1000:.6f}", "2000.0"),
    )  # fmt: skip
    projection = opened("bruker", folder).projections[0]
    assert np.linalg.norm(projection.camera_to_world[0, :, 3]) == pytest.approx(100000 / 32, rel=1e-4)  # world units of 32 mm: still a cone
    assert np.linalg.norm(opened("bruker", folder, unit_mm=10.0).projections[0].camera_to_world[0, :, 3]) == 4000
    assert opened("bruker", folder, unit_mm=10.0).projections[0].focal == pytest.approx((20000, 20000), rel=1e-4)  # a pixel is 0.2 units


def test_the_shift_that_datos_found_is_said_with_the_line_to_try(tmp_path):
    folder = edited(
        "phoenix",
        tmp_path / "dataset",
        lambda text: text.replace("CalibValue=0.000", "CalibValue=-1.097").replace("MirrorX=0", "MirrorX=1"),
    )
    notes = "\n".join(opened("phoenix", folder).notes)
    assert "try input.geometry.axis_shift_px: -1.097 or 1.097" in notes
    assert "MirrorX of the images is set: they are read as they are stored" in notes


WRONG = {
    "bruker: fewer images": ("bruker", lambda text: text.replace("Files=  7", "Files=  9"), "Number of Files: is 9, but 7 images ball0000.tif to ball0006.tif are there"),
    "bruker: another size": ("bruker", lambda text: text.replace("Columns= 32", "Columns= 64"), "Number of Columns: is 64 x 24 (columns x rows), but images have 32 x 24"),
    "bruker: distances exchanged": ("bruker", lambda text: text.replace("to Source (mm)=64.0", "to Source (mm)=196.0"), "must lie before the detector at 96 mm"),
    "bruker: halved": ("bruker", lambda text: text.replace("Source (mm)=64.0", "Source (mm)=32.0"), "Image Pixel Size (um): is 1.33333 mm, but a detector pixel of 2 mm"),
    "bruker: binning": ("bruker", lambda text: text.replace("2x2", "two"), "Camera binning: must be such as 2x2, not 'two'"),
    "bruker: direction": ("bruker", lambda text: text.replace("=CC", "=LEFT"), "Rotation Direction: must be CC or CW, not 'LEFT'"),
    "bruker: no step": ("bruker", lambda text: text.replace("Rotation Step (deg)=60.000", ""), "Rotation Step (deg): is missing in [Acquisition]"),
    "bruker: no turn": ("bruker", lambda text: text.replace("(deg)=60.000", "(deg)=0"), "Rotation Step (deg): must be a positive number, not 0"),
    "bruker: reference": ("bruker", lambda text: text.replace("Intensity=57000", "Intensity=air"), "Reference Intensity: must be a positive number, not 'air'"),
    "phoenix: fewer images": ("phoenix", lambda text: text.replace("Images=6", "Images=60").replace("Done=6", "Done=7"), "NumberImages: is 60, but there is no complete run of 60 or 61 images; by NrImgDone 7 were recorded"),
    "phoenix: planned only": ("phoenix", lambda text: text.replace("Images=6", "Images=8").replace("Done=6", "Done=0"), "by NrImgDone 0 were recorded"),
    "phoenix: turned images": ("phoenix", lambda text: text.replace("DimX=32", "DimX=24").replace("DimY=24", "DimY=32"), "but images have 32 x 24 pixels (they are turned)"),
    "phoenix: um": ("phoenix", lambda text: text.replace("PixelsizeX=2.0", "PixelsizeX=2000.0"), "VoxelSizeX: is 1.33333 mm, but"),
    "phoenix: no turn": ("phoenix", lambda text: text.replace("Sector=360", "Sector=0"), "RotationSector: is 0: nothing turned"),
    "phoenix: no distance": ("phoenix", lambda text: text.replace("FOD=", "Fod2="), "FOD: is missing in [Geometry]"),
    "leap: helical": ("leap", lambda text: text.replace("Pitch = 0", "Pitch = 1"), "geometry: is cone and helical; cone and parallel beams on a circle are read"),
    "leap: modular": ("leap", lambda text: text.replace("= cone", "= modular"), "geometry: is modular"),
    "leap: fewer images": ("leap", lambda text: text.replace("numAngles = 6", "numAngles = 720"), "numAngles: is 720, but no complete run of images is as many"),
    "leap: another size": ("leap", lambda text: text.replace("numCols = 32", "numCols = 33"), "is 33 x 24, but images have 32 x 24 pixels"),
    "leap: words": ("leap", lambda text: text.replace("sod = 6", "sod = far 6"), "sod: must be a number, not 'far 6.4"),
    "leap: phis": ("leap", lambda text: text + "phis = 0, 60, 120\n", "phis: must be 6 numbers, and are 3"),
    "leap: another text": ("leap", lambda text: "hello", "geometry: is missing; is it a geometry that LEAP saved?"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_text_is_one_line(tmp_path, case):
    maker, change, says = WRONG[case]
    folder = edited(maker, tmp_path / "dataset", change)
    with pytest.raises(InputError) as caught:
        for projection in opened(maker, folder).projections:
            projection.load()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_listed_angles_of_leap(tmp_path):
    folder = edited("leap", tmp_path / "dataset", lambda text: text + "phis = 10, 60, 120, 180, 240, 300\n")
    assert opened("leap", folder).projections[0].camera_to_world[0] == pytest.approx(scanned_ball.pose(-10.0), abs=1e-5)


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
def test_leap_s_own_geometry(tmp_path):
    """sod 1100, sdd 1400 mm, 512 pixels of 0.65 mm, pixel centres at whole numbers, 720 angles; its voxel is a pixel at the axis."""
    text = (Path(DATA) / "scanners" / "leap_text_geometry" / "conebeam_geometry.txt").read_bytes()
    (tmp_path / "conebeam_geometry.txt").write_bytes(text)
    Image.fromarray(np.zeros((512, 512), np.uint8)).save(tmp_path / "g_0000.tif")
    for k in range(1, 720):
        os.link(tmp_path / "g_0000.tif", tmp_path / f"g_{k:04d}.tif")
    scan = opened("leap", tmp_path)
    first = scan.projections[0]
    assert (len(scan.projections), first.centre, first.size) == (720, (256, 256), (512, 512))
    assert first.focal == pytest.approx((1400 / 0.65, 1400 / 0.65))
    assert scan.unit_mm == pytest.approx(256 * 0.65 * 1100 / 1400, rel=1e-6)
    assert np.linalg.norm(first.camera_to_world[0, :, 3]) * scan.unit_mm == pytest.approx(1100)
