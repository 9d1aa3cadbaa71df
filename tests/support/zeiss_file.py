"""The scanned ball as a Zeiss .txrm: references of another exposure, no darks, and streams with more slots than images."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import ole_writer
import scanned_ball
from hdf5_dataset import STAGE as HALF_TURN
from scanned_ball import PIXEL_MM, SOURCE_TO_AXIS_MM, SOURCE_TO_DETECTOR_MM, STAGE
from tiny_dataset import HEIGHT, WIDTH

EXPOSURES = [2.0, 2.0, 2.0, 4.0, 2.0, 2.0]  # seconds; that of the reference is 8
AT_AXIS_UM = PIXEL_MM * SOURCE_TO_AXIS_MM / SOURCE_TO_DETECTOR_MM * 1000


def streams(t: float = 0.0, *, cone: bool = True) -> dict[str, bytes]:
    stage = STAGE if cone else HALF_TURN
    out = {
        "ImageInfo/NoOfImages": ints(6),
        "ImageInfo/ImagesTaken": ints(6),
        "ImageInfo/ImageWidth": ints(WIDTH),
        "ImageInfo/ImageHeight": ints(HEIGHT),
        "ImageInfo/DataType": ints(5),
        "ImageInfo/XrayGeometry": ints(1 if cone else 2),
        "ImageInfo/PixelSize": floats(AT_AXIS_UM if cone else 10.0),
        "ImageInfo/Angles": floats(*stage),
        "ImageInfo/ExpTimes": floats(*EXPOSURES),
        "ImageInfo/Energy": floats(*[9200.0] + [0.0] * 60),
        "ImageInfo/StoRADistance": floats(*[-SOURCE_TO_AXIS_MM if cone else 1.0] * 6),
        "ImageInfo/DtoRADistance": floats(*[SOURCE_TO_DETECTOR_MM - SOURCE_TO_AXIS_MM if cone else 1.0] * 6),
        "ImageInfo/Date": b"".join(f"10/21/19 14:0{k + int(t)}:51.250".encode().ljust(22, b"\0") + b"garbage".ljust(18, b"?") for k in range(6)),
        "Alignment/X-Shifts": floats(*[0.5 * k for k in range(6)]),
        "Alignment/Y-Shifts": floats(*[-0.25 * k for k in range(6)]),
        "ReferenceData/Image": scanned_ball.flat(40000).astype("<f4").tobytes(),
        "ReferenceData/DataType": ints(10),
        "ReferenceData/ExpTime": floats(8.0),
    }  # fmt: skip
    for k in range(6):
        seen = scanned_ball.transmission(k, t) if cone else scanned_ball.parallel_transmission(stage[k], t)
        out[f"ImageData1/Image{k + 1}"] = pixels(seen * scanned_ball.flat(40000) * EXPOSURES[k] / 8)
    return out


def make(path: Path, t: float = 0.0, *, cone: bool = True, change=None) -> Path:
    """change: gets the streams, and may change them."""
    content = streams(t, cone=cone)
    if change is not None:
        change(content)
    return ole_writer.write(path, content)


def ints(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}i", *values)


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def pixels(image: np.ndarray) -> bytes:
    return np.rint(image).astype("<u2").tobytes()
