"""The ball of tiny_dataset as a Nikon scanner writes it: .xtekct files and 16 bit TIFF files of counts."""

from pathlib import Path

import numpy as np
import tiny_dataset
from PIL import Image
from tiny_dataset import DISTANCE, FOCAL, HEIGHT, WIDTH

from xct4d.geometry.views import orbit

WHITE, PIXEL_MM, UNIT_MM, VOXELS = 50000, 2.0, 16.0, 24  # a voxel is 4/3 mm: a pixel seen at the axis
PROJECTIONS, STEP = 6, 60.0

RECORD = """[XTekCT]\r
Name={name}\r
InputSeparator=_\r
InputFolderName=\r
VoxelsX={voxels}\r
VoxelSizeX={voxel}\r
SrcToObject={source_to_object}\r
SrcToDetector={source_to_detector}\r
DetectorPixelsX={columns}\r
DetectorPixelSizeX={pixel}\r
DetectorOffsetX=0.0\r
DetectorPixelsY={rows}\r
DetectorPixelSizeY={pixel}\r
DetectorOffsetY=0.0\r
Projections={projections}\r
InitialAngle={start}\r
AngularStep={step}\r
CentreOfRotationTop=0.0\r
CentreOfRotationBottom=0.0\r
WhiteLevel={white}\r
[DICOM]\r
DICOMTags=<?xml version="1.0"?><a b="100%" c="=;"/>\r
"""


INFO = """<?xml version="1.0" encoding="utf-8"?>
<Information Version="2">
  <ScanInformation>
    <FramesPerProjection>2</FramesPerProjection>
    <ExposureMilliseconds>500</ExposureMilliseconds>
    <ScanStart>2024-04-25 09.3{hour}.23</ScanStart>
    <ScanEnd>2024-04-25 09.3{hour}.52</ScanEnd>
  </ScanInformation>
</Information>
"""


def make(folder: Path, scans=("before", "after"), start: float = 0.0) -> Path:
    """A folder with one scan for each name, at t = 0 and 1. As in stop-start scans, the first image is repeated at the end."""
    folder.mkdir(parents=True)
    for t, name in enumerate(scans):
        numbers = {
            "name": name, "voxels": VOXELS, "voxel": UNIT_MM * 2 / VOXELS, "source_to_object": DISTANCE * UNIT_MM, "source_to_detector": FOCAL * PIXEL_MM,
            "columns": WIDTH, "rows": HEIGHT, "pixel": PIXEL_MM, "projections": PROJECTIONS, "start": start, "step": STEP, "white": WHITE,
        }  # fmt: skip
        (folder / f"{name}.xtekct").write_bytes(RECORD.format(**numbers).encode())
        cameras = tiny_dataset.views([-(start + k * STEP) for k in range(PROJECTIONS + 1)], polar=90.0)
        for k in range(PROJECTIONS + 1):
            counts = np.rint(tiny_dataset.transmission(cameras, k, float(t)) * WHITE).astype(np.uint16)
            Image.fromarray(counts).save(folder / f"{name}_{k + 1:04d}.tif")
    return folder


def add_angles(folder: Path, name: str, start: float = 0.0) -> None:
    """NAME.ang of a stop-start scan, whose angles are negative, and NAME.ctinfo.xml."""
    rows = "".join(f"{k + 1}:\t{-(start + k * STEP):08.3f}\r\n" for k in range(PROJECTIONS + 1))
    (folder / f"{name}.ang").write_bytes(f"Proj\tAngle(deg)\r\n{rows}".encode())
    (folder / f"{name}.ctinfo.xml").write_text(INFO.format(hour=int(name == "after")))


def add_ctdata(folder: Path, zero: float = 0.5) -> None:
    """_ctdata.txt of a continuous scan, whose angles are positive and do not begin at InitialAngle."""
    rows = "".join(f"{k + 1}\t{zero + k * STEP:08.4f}\t{3.9 + 0.35 * k:>20.16f}\n" for k in range(PROJECTIONS + 1))
    (folder / "_ctdata.txt").write_text(
        f"Projections\tFrames\tExposure(ms)\n{PROJECTIONS}\t1\t354.00\nProjection\tAngle(deg)\tTime(s)\n{rows}"
    )


def exported(folder: Path) -> Path:
    """The folder with its scan's images as 8 bit PNG files under names of their own."""
    (folder / "images").mkdir()
    for k in range(1, 8):
        counts = np.asarray(Image.open(folder / f"scan_{k:04d}.tif"), np.float64)
        Image.fromarray(np.rint(counts / WHITE * 255).astype(np.uint8)).save(folder / "images" / f"train_{k:03d}.png")
        (folder / f"scan_{k:04d}.tif").unlink()
    return folder


def pose(k: int, start: float = 0.0) -> np.ndarray:
    """[3, 4] of projection k."""
    return orbit(-(start + k * STEP), 90.0, DISTANCE)
