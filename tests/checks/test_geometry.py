"""A scanner's record beside the transforms file: compared with, and the source of the unit."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from preparation import DATA, FORWARD, complaint, needs_data, notes, refused, run
from tiny_dataset import DISTANCE

from xct4d.checks.geometry import check_focal
from xct4d.config import Input, Prepare
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


def test_two_scanner_records_are_noted(folder):
    for name in ("a.xtekct", "b.XTEKCT"):
        (folder / name).write_text(XTEKCT.format(pixels=32, rows=24, size=12.5))
    assert run(folder).unit_mm is None
    assert notes(folder) == ["which scan is whose: a.xtekct, b.XTEKCT? None is used, neither to check focal lengths nor for the unit; leave one"]


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
    [("[XTekCT]\nVoxelsX=32\n", "SrcToObject: is missing"), ("[XTekCT]\nSrcToObject=near\n", "SrcToObject: must be a positive number"), ("junk", "cannot be read")],
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
