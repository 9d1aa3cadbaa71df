"""The scanned ball as HDF5 files: NXtomo and Data Exchange."""

from pathlib import Path

import h5py
import numpy as np
import scanned_ball

STAGE = [0.0, 30.0, 60.0, 90.0, 120.0, 150.0]  # of the parallel scans
PIXEL_MM = 0.01


def frames(t: float, *, cone: bool) -> tuple[np.ndarray, list[int], list[float]]:
    """Counts [frame, y, x], image keys and angles: two flats, two darks, six projections, an invalid frame, two flats."""
    stage = scanned_ball.STAGE if cone else STAGE
    projections = [scanned_ball.counts(k, t) if cone else scanned_ball.parallel_counts(angle, t) for k, angle in enumerate(stage)]
    air, dark = scanned_ball.air(), scanned_ball.darkness()
    images = [air, air, dark, dark, *projections, air * 0, air, air]
    keys = [1, 1, 2, 2, *[0] * 6, 3, 1, 1]
    return np.stack(images), keys, [*[stage[0]] * 4, *stage, *[stage[-1]] * 3]


def nxtomo(path: Path, t: float = 0.0, *, cone: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images, keys, angles = frames(t, cone=cone)
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry/tomo_entry")
        entry["definition"] = "NXtomo"
        entry["start_time"] = f"2022-10-15T13:4{9 if t else 8}:39.357"
        detector = entry.create_group("instrument/detector")
        detector["data"] = images
        detector["image_key"] = np.array(keys, float)  # as some beamlines write them
        entry["sample/rotation_angle"] = angles
        set_length(detector, "x_pixel_size", scanned_ball.PIXEL_MM if cone else PIXEL_MM, "mm")
        set_length(detector, "y_pixel_size", scanned_ball.PIXEL_MM if cone else PIXEL_MM, "mm")
        if cone:
            behind = scanned_ball.SOURCE_TO_DETECTOR_MM - scanned_ball.SOURCE_TO_AXIS_MM
            detector["distance"] = behind / 1000  # without units: metres
            set_length(entry, "instrument/source/distance", -scanned_ball.SOURCE_TO_AXIS_MM / 10, "cm")  # upstream
            set_length(detector, "count_time", 354.0, "ms")
    return path


def set_length(group, name: str, value: float, units: str) -> None:
    group[name] = value
    group[name].attrs["units"] = units


def data_exchange(path: Path, *, sinograms: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images, keys, _ = frames(0.0, cone=False)
    keys = np.array(keys)
    with h5py.File(path, "w") as file:
        file["implements"] = "exchange:measurement"
        stack = images[keys == 0]
        file["exchange/data"] = stack.transpose(1, 0, 2) if sinograms else stack
        file["exchange/data"].attrs["axes"] = "y:theta:x" if sinograms else "theta:y:x"
        file["exchange/data_white"] = images[keys == 1]
        file["exchange/data_dark"] = images[keys == 2]
        file["exchange/theta"] = np.deg2rad(STAGE)
        file["exchange/theta"].attrs["units"] = "radians"
        file["measurement/instrument/detection_system/objective/resolution"] = [PIXEL_MM * 1000]
        file["measurement/instrument/detection_system/objective/resolution"].attrs["units"] = np.bytes_(b"microns")
    return path
