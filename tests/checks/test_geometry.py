"""A scanner's record beside the transforms file: compared with, and the source of the unit."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from preparation import BACKWARD, DATA, FORWARD, complaint, needs_data, notes, refused, run
from tiny_dataset import DISTANCE, edited

from xct4d.checks.geometry import check_focal
from xct4d.config import Input, Prepare
from xct4d.geometry.rays import pixel_rays
from xct4d.readers.nikon.xtekct import Xtekct, record_files
from xct4d.readers.reference.cameras import read
from xct4d.stages import prepare as stage


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


XTEKCT = """[XTekCT]
VoxelsX={pixels}
VoxelSizeX=0.05
SrcToObject=100.0
SrcToDetector=600.0
DetectorPixelsX={pixels}
DetectorPixelSizeX={size}
DetectorPixelsY={rows}
DetectorPixelSizeY={size}
[DICOM]
DICOMTags=<?xml version="1.0"?><a b="100%" c="=;"/>
"""


@pytest.mark.parametrize(
    ("pixels", "rows", "size", "found"),
    [(32, 24, 12.5, "the whole detector"), (64, 48, 12.5, "a cropped detector"), (64, 48, 6.25, "binned pixels")],
)
def test_scanner_record_agrees(folder, pixels, rows, size, found):
    (folder / "scan.xtekct").write_text(XTEKCT.format(pixels=pixels, rows=rows, size=size))
    for name in ("transforms_04.json", "transforms_00_to_04.json"):
        (folder / name).unlink()
    frames = run(folder)
    checks = json.loads((folder.parent / "prepared_forward/checks.json").read_text())["checks"]
    assert checks["scanner"] == f"focal lengths agree with scan.xtekct ({found})"
    assert frames.unit_mm == pytest.approx(100.0 / (DISTANCE * np.sin(np.deg2rad(80))))


def test_scanner_records_that_agree_are_used(folder):
    """One of each scan; and what a Mac leaves beside files is no record."""
    for name in ("a.xtekct", "b.XTEKCT"):
        (folder / name).write_text(XTEKCT.format(pixels=32, rows=24, size=12.5).replace("[DICOM]", f"Name={name}\n[DICOM]"))
    (folder / "._a.xtekct").write_bytes(b"\0\5\x16\7")
    assert run(folder).unit_mm == pytest.approx(100.0 / (DISTANCE * np.sin(np.deg2rad(80))))
    assert not any("which scan is whose" in note for note in notes(folder))
    with edited(folder) as tree:
        tree["fl_x"] = 2 * tree["fl_x"]
    assert "disagrees with a.xtekct" in refused(folder)


@pytest.mark.parametrize("change", ["SrcToObject=101.0", "SrcToDetector=606.0", "VoxelSizeX=0.06", "DetectorPixelsX=64"])
def test_scanner_records_that_differ_are_noted_and_shown(folder, capsys, change):
    text = XTEKCT.format(pixels=32, rows=24, size=12.5)
    key = change.split("=")[0]
    (folder / "a.xtekct").write_text(text)
    (folder / "b.xtekct").write_text("\n".join(change if line.startswith(key) else line for line in text.split("\n")))
    assert run(folder).unit_mm is None
    assert notes(folder)[0].startswith("which scan is whose: a.xtekct, b.xtekct? Their geometries differ")
    assert "which scan is whose" in capsys.readouterr().err


@needs_data
@pytest.mark.parametrize("scan", ["balls3", "cube", "pillars", "balls7_th"])
def test_scanner_records_of_real_scans(scan):
    dataset = read(Path(DATA) / "nikon_metadata" / scan / "transforms.json")
    record = Xtekct(record_files(dataset.path.parent)[0]).record()
    assert "the whole detector" in check_focal(dataset.projections, record)
    half_width = {"balls3": 18.00777, "cube": 20.91962, "pillars": 31.69942, "balls7_th": 15.25101}[scan]
    assert record.unit_mm == pytest.approx(half_width)
    # balls3 was converted with another unit than the others, see its README
    assert record.measured_unit_mm(dataset.projections) == pytest.approx(16.544 if scan == "balls3" else half_width, rel=1e-4)


def test_focal_length_disagrees_with_the_scanner(folder):
    (folder / "scan.xtekct").write_text(
        "[XTekCT]\nVoxelsX=32\nVoxelSizeX=0.05\nSrcToObject=100\nSrcToDetector=600\nDetectorPixelsX=32\n"
        "DetectorPixelSizeX=6.25\nDetectorPixelsY=24\nDetectorPixelSizeY=6.25\n"
    )
    line = refused(folder)
    for words in (FORWARD, "frames[0]", "fl_x", "48.00 px", "96.00 px", "scan.xtekct"):
        assert words in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[XTekCT]\nVoxelsX=32\n", "SrcToObject: is missing"),
        ("[XTekCT]\nSrcToObject=near\n", "SrcToObject: must be a positive number"),
        ("junk", "cannot be read"),
    ],
)
def test_scanner_record_is_broken(folder, text, expected):
    (folder / "scan.xtekct").write_text(text)
    line = refused(folder)
    assert "scan.xtekct" in line
    assert expected in line


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
def test_real_scan_as_shipped_has_half_the_focal_length(tmp_path):
    folder = Path(DATA) / "nikon_balls"
    input = Input(folder=str(folder), forward="transforms.json", split={"method": "interval", "interval": 3})
    line = complaint(stage.prepare, folder, input, Prepare(), "forward", tmp_path / "out")
    for words in ("transforms.json", "fl_x", "2168.77", "4337.55", ".xtekct"):
        assert words in line
    assert os.listdir(tmp_path) == []


# --- geometry that cannot be


def moved(folder, change, names=(FORWARD,)):
    for name in names:
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                pose = np.array(frame["transform_matrix"])
                frame["transform_matrix"] = change(pose).tolist()


def scaled(factor):
    def change(pose):
        pose[:3, 3] *= factor
        return pose

    return change


def test_poses_in_mm(folder):
    """Ten mm to a world unit: the ball, off the centre, is nowhere near the box."""
    moved(folder, scaled(10))
    line = refused(folder)
    assert "nothing attenuates inside the box" in line
    assert "world units away; give positions in units of half the reconstructed volume" in line
    assert "prepare.check_intensities: false" in line


def disc(folder, radius):
    """The scan's images, of a cylinder about the axis of rotation."""
    cameras = tiny_dataset.views([*tiny_dataset.AZIMUTHS, 30.0])
    for v, path in enumerate([*sorted((folder / "images_00").glob("train*")), folder / "images_00/eval_00.png"]):
        rays = pixel_rays(cameras, v)
        across = np.hypot(rays[:, 3], rays[:, 4])
        distance = np.abs(rays[:, 0] * rays[:, 4] - rays[:, 1] * rays[:, 3]) / across
        chord = 2 * np.sqrt(np.maximum(radius**2 - distance**2, 0)) / across
        tiny_dataset.save_image(path, np.exp(-chord / radius).reshape(tiny_dataset.HEIGHT, tiny_dataset.WIDTH))


@pytest.mark.parametrize(("factor", "reaches"), [(4, 2.8), (3, 2.1)])
def test_a_box_smaller_than_the_sample(folder, factor, reaches):
    disc(folder, 0.7)
    assert len(run(folder)) == 7
    moved(folder, scaled(factor))
    line = refused(folder)
    assert "the box is smaller than the sample" in line
    assert float(line.split("reaches ")[1].split()[0]) == pytest.approx(reaches, rel=0.15)
    assert len(run(folder, settings=Prepare(target_size=None, check_intensities=False))) == 7
    assert "the box is smaller" in str(notes(folder))


def test_frames_with_one_pose(folder):
    with edited(folder) as tree:
        for frame in tree["frames"]:
            frame["transform_matrix"] = tree["frames"][0]["transform_matrix"]
    assert f"{FORWARD}: transform_matrix: all 7 projections have one pose" in refused(folder)
    assert len(run(folder, "backward")) == 7


def test_a_source_on_the_axis(folder):
    """As where y is the axis of rotation."""

    def exchange(pose):
        pose[:3] = pose[[1, 2, 0]]
        pose[0, 3] = pose[1, 3] = 0.0
        return pose

    moved(folder, exchange)
    assert "lies on the rotation axis z; z must be the axis of rotation" in refused(folder)


def test_a_source_inside_the_box_names_the_factor(folder):
    moved(folder, scaled(0.1))
    assert "is inside the box [-1, 1]^3; its distance is at least 4.3 times too small" in refused(folder)


@pytest.mark.parametrize(("factor", "says"), [(10, "10 times too large"), (0.5, "2 times too small")])
def test_one_source_at_another_distance(folder, factor, says):
    with edited(folder) as tree:
        for row in tree["frames"][2]["transform_matrix"][:3]:
            row[3] *= factor
    line = refused(folder)
    assert "frames[2] (images_00/train_02.png).transform_matrix: the source is" in line
    assert f"in the other projections 3.939; is its position {says}?" in line


def turned(folder, azimuths):
    cameras = tiny_dataset.views(azimuths)
    with edited(folder) as tree:
        for i, frame in enumerate(tree["frames"]):
            frame["transform_matrix"] = tiny_dataset.matrix(cameras, i)


def test_degrees_taken_for_radians(folder):
    turned(folder, np.radians([*tiny_dataset.AZIMUTHS, 30.0]))
    assert "all 7 projections come from within 5.24 degrees about the rotation axis; were degrees taken for radians?" in refused(folder)


@pytest.mark.parametrize(("step", "noted"), [(15, True), (30, False)])
def test_missing_directions_are_noted(folder, step, noted):
    turned(folder, [340.0 + step * i for i in range(7)])
    run(folder, settings=Prepare(target_size=None, check_intensities=False))
    assert noted == any("come from within 90 degrees about the rotation axis" in note for note in notes(folder))


def test_poses_far_too_large_name_the_factor(folder):
    moved(folder, scaled(100))
    assert "no ray of this camera hits the box [-1, 1]^3; its view is 133 times as wide as the box: give positions" in refused(folder)


def test_axes_of_opencv(folder):
    moved(folder, lambda pose: pose * [1, -1, -1, 1])
    assert "the box lies behind it: the camera looks along its -z, so change the signs of the second and third column" in refused(folder)


def test_world_to_camera(folder):
    moved(folder, np.linalg.inv)
    assert "or invert them if they are world-to-camera" in refused(folder)


@pytest.mark.parametrize(("factor", "fits"), [(1.15, True), (1.9, False)])
def test_a_sample_a_little_wider_than_the_box(folder, factor, fits):
    disc(folder, 0.95)
    moved(folder, scaled(factor))
    if fits:
        assert len(run(folder)) == 7
    else:
        assert "the box is smaller than the sample: what attenuates reaches 1." in refused(folder)


def test_scans_of_unlike_distances_are_noted(folder):
    with edited(folder, BACKWARD) as tree:
        for frame in tree["frames"]:
            for row in frame["transform_matrix"][:3]:
                row[3] *= 2
    run(folder, "backward")
    assert "the sources of the first scan are 3.939 from the rotation axis, of the second 7.878" in notes(folder, "backward")[0]


def test_unusual_views_are_noted(folder):
    with edited(folder) as tree:
        tree["fl_x"], tree["fl_y"] = 480.0, 240.0
    run(folder, settings=Prepare(target_size=None, check_intensities=False))
    assert "focal lengths 480 and 240 px, so pixels are not square" in notes(folder)[0]
    assert "the view is 0.27 world units wide where the rotation axis is" in notes(folder)[1]
