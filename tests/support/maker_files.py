"""The scanned ball as Bruker, phoenix and LEAP files: a text of the scan beside numbered TIFF files, the first repeated at the end."""

from pathlib import Path

import numpy as np
import scanned_ball
from PIL import Image
from scanned_ball import PIXEL_MM, SOURCE_TO_AXIS_MM, SOURCE_TO_DETECTOR_MM, STAGE
from tiny_dataset import HEIGHT, WIDTH

AIR = 57000
AT_AXIS_MM = PIXEL_MM * SOURCE_TO_AXIS_MM / SOURCE_TO_DETECTOR_MM

LOG = f"""[System]
Scanner=SkyScan1272
Camera Pixel Size (um)={PIXEL_MM * 1000 / 2}
Camera X/Y Ratio=1.0000
[Acquisition]
Filename Prefix=ball
Number Of Files=  7
Number Of Rows= {HEIGHT}
Number Of Columns= {WIDTH}
Camera binning=2x2
Image Rotation=-0.00100
Optical Axis (line)=  12
Camera to Source (mm)={SOURCE_TO_DETECTOR_MM}
Object to Source (mm)={SOURCE_TO_AXIS_MM}
Image Pixel Size (um)={AT_AXIS_MM * 1000:.6f}
Reference Intensity={AIR}
Flat Field Correction=ON
Exposure (ms)=1350
Frame Averaging=ON (3)
Rotation Direction=CC
Study Date and Time=23 Sep 2020  14h:52m:29s
Rotation Step (deg)=60.000
"""

PCA = f"""[General]
Version=2.8.2
[Geometry]
FDD={SOURCE_TO_DETECTOR_MM:.8f}
FOD={SOURCE_TO_AXIS_MM:.8f}
VoxelSizeX={AT_AXIS_MM:.8f}
CalibValue=0.000
cx={(WIDTH - 1) / 2:.8f}
cy={(HEIGHT - 1) / 2:.8f}
DetectorRot=0.00000000
Tilt=0.00000000
[CT]
NumberImages=6
RotationSector=360.00000000
NrImgDone=6
FreeRayFactor=1.00000000
[Image]
DimX={WIDTH}
DimY={HEIGHT}
Rotation=0
MirrorX=0
FreeRay={AIR}
[DetectorShift]
Enable=0
[Detector]
TimingVal=1000.000
Avg=3
PixelsizeX={PIXEL_MM:.8f}
PixelsizeY={PIXEL_MM:.8f}
"""

LEAP = f"""# CT volume parameters
numX = 24
voxelWidth = {AT_AXIS_MM:.6e}

# CT geometry parameters
geometry = cone
numRows = {HEIGHT}
numCols = {WIDTH}
pixelHeight = {PIXEL_MM:.6e}
pixelWidth = {PIXEL_MM:.6e}
centerRow = {(HEIGHT - 1) / 2:.6e}
centerCol = {(WIDTH - 1) / 2:.6e}
sod = {SOURCE_TO_AXIS_MM:.6e}
sdd = {SOURCE_TO_DETECTOR_MM:.6e}
tau = 0.000000e+00
helicalPitch = 0.000000e+00
numAngles = 6
angularRange = 3.600000e+02
"""


def save_images(folder: Path, name: str, stage: list[float], t: float = 0.0, first: int = 0) -> None:
    """NAME0000.tif and so on, corrected by the scanner: air has AIR counts."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(len(stage)):
        counts = np.rint(scanned_ball.transmission(k, t, stage) * AIR).astype(np.uint16)
        Image.fromarray(counts).save(folder / f"{name}{first + k:04d}.tif")


def bruker(folder: Path, name: str = "ball", t: float = 0.0) -> Path:
    save_images(folder, name, [*STAGE, 360.0], t)
    (folder / f"{name}.log").write_bytes(LOG.replace("\n", "\r\n").encode("latin-1"))
    return folder


def phoenix(folder: Path, name: str = "ball", t: float = 0.0) -> Path:
    save_images(folder, name, [*STAGE, 360.0], t, first=1)
    (folder / f"{name}.pca").write_text(PCA)
    return folder


def leap(folder: Path) -> Path:
    save_images(folder, "g", [-angle for angle in STAGE])
    (folder / "conebeam_geometry.txt").write_text(LEAP)
    return folder
