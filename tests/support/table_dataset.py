"""The scanned ball as tables describe it: with flats and darks, as a stack, and as an experiment of two scans and a sequence."""

from pathlib import Path

import numpy as np
import scanned_ball
import tifffile
from PIL import Image

KEYS = f"""# The ball, as a table.
# source_to_axis_mm: {scanned_ball.SOURCE_TO_AXIS_MM}
# source_to_detector_mm: {scanned_ball.SOURCE_TO_DETECTOR_MM}
# pixel_mm: {scanned_ball.PIXEL_MM}
"""


def save(path: Path, image: np.ndarray) -> str:
    Image.fromarray(image).save(path)
    return path.name


def with_flats(folder: Path, t: float = 0.0, name: str = "projections.csv", times=None) -> Path:
    """Flats before and after, darks, and six projections."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.removesuffix(".csv")
    rows = [f"{save(folder / f'{stem}_flat_{i}.tif', scanned_ball.air())},,,flat" for i in range(2)]
    rows.append(f"{save(folder / f'{stem}_dark.tif', scanned_ball.darkness())},,,dark")
    for k, angle in enumerate(scanned_ball.STAGE):
        time = "" if times is None else times[k]
        rows.append(f"{save(folder / f'{stem}_{k}.tif', scanned_ball.counts(k, t))},{angle},{time},projection")
    rows.append(f"{save(folder / f'{stem}_flat_2.tif', scanned_ball.air())},,,flat")
    (folder / name).write_text(KEYS + "file,angle_deg,time_s,kind\n" + "\n".join(rows) + "\n")
    return folder


def stack(folder: Path) -> Path:
    """All projections in one TIFF file, corrected by the scanner: air has 50000 counts."""
    folder.mkdir(parents=True)
    images = [np.rint(scanned_ball.transmission(k) * 50000).astype(np.uint16) for k in range(6)]
    tifffile.imwrite(folder / "stack.tif", np.stack(images), photometric="minisblack")
    rows = "\n".join(f"stack.tif,{angle}" for angle in scanned_ball.STAGE)
    (folder / "scan_projections.csv").write_text(KEYS + "# air: 50000\nfile,angle_deg\n" + rows + "\n")
    return folder


def experiment(folder: Path) -> Path:
    """A scan until 60 s, two projections at each of 62 and 65 s, a scan from 70 s."""
    with_flats(folder / "a", t=0.0, times=[10 * (k + 1) for k in range(6)])
    with_flats(folder / "b", t=1.0, times=[70 + 10 * k for k in range(6)])
    (folder / "c").mkdir()
    rows = []
    for time in (62.0, 65.0):
        for k in (0, 1):
            image = np.rint(scanned_ball.transmission(k, (time - 60) / 10) * 50000).astype(np.uint16)
            rows.append(f"{save(folder / 'c' / f'{time:g}_{k}.tif', image)},{scanned_ball.STAGE[k]},{time}")
    (folder / "c" / "between.csv").write_text(KEYS + "# air: 50000\nfile,angle_deg,time_s\n" + "\n".join(rows) + "\n")
    return folder
