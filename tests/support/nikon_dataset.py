"""The ball of tiny_dataset as a Nikon scanner writes it: .xtekct files and 16 bit TIFF files of counts."""

from pathlib import Path

import numpy as np
import tiny_dataset
from PIL import Image
from tiny_dataset import DISTANCE, FOCAL, HEIGHT, WIDTH

from xct4d.geometry.views import orbit

WHITE, PIXEL_MM, UNIT_MM = 50000, 0.2, 16.0
PROJECTIONS, STEP = 6, 60.0

RECORD = """[XTekCT]\r
Name={name}\r
InputSeparator=_\r
InputFolderName=\r
VoxelsX=640\r
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


def make(folder: Path, scans=("before", "after"), start: float = 0.0) -> Path:
    """A folder with one scan for each name, at t = 0 and 1. As in stop-start scans, the first image is repeated at the end."""
    folder.mkdir(parents=True)
    for t, name in enumerate(scans):
        numbers = {
            "name": name, "voxel": UNIT_MM * 2 / 640, "source_to_object": DISTANCE * UNIT_MM, "source_to_detector": FOCAL * PIXEL_MM,
            "columns": WIDTH, "rows": HEIGHT, "pixel": PIXEL_MM, "projections": PROJECTIONS, "start": start, "step": STEP, "white": WHITE,
        }  # fmt: skip
        (folder / f"{name}.xtekct").write_bytes(RECORD.format(**numbers).encode())
        cameras = tiny_dataset.views([-(start + k * STEP) for k in range(PROJECTIONS + 1)], polar=90.0)
        for k in range(PROJECTIONS + 1):
            counts = np.rint(tiny_dataset.transmission(cameras, k, float(t)) * WHITE).astype(np.uint16)
            Image.fromarray(counts).save(folder / f"{name}_{k + 1:04d}.tif")
    return folder


def pose(k: int, start: float = 0.0) -> np.ndarray:
    """[3, 4] of projection k."""
    return orbit(-(start + k * STEP), 90.0, DISTANCE)
