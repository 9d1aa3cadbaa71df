"""The prepared projections of one state: what the training stages read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xct4d.errors import InputError
from xct4d.geometry.views import Views
from xct4d.io.digests import check_files, file_digest

FULL_SCALE = 65535  # stored value of transmission 1
PIXELS, MASK = "projections.npy", "mask.npy"


@dataclass(frozen=True)
class Frames:
    """F projections of one state (the scan at t = 0, at t = 1, or the sequence between).

    Pixels that a mask leaves out have the value of the nearest that counts, so
    that what looks at whole images is not misled; nothing is fitted to them.
    Pixels stay on disk (memory-mapped) until they are asked for. A frame's
    views are `first_view[f] : first_view[f + 1]`, its pixels
    `offset[f] : offset[f + 1]` in row-major order.
    """

    name: list[str]  # file name of each projection, relative to the dataset
    held_out: np.ndarray  # [F] bool: never trained on
    offset: np.ndarray  # [F + 1] int64
    first_view: np.ndarray  # [F + 1] int64
    views: Views  # [V]; intrinsics of the prepared (downscaled) projections
    weight: np.ndarray  # [V] float64; a frame's weights sum to 1
    time: np.ndarray  # [V] float64 in [0, 1]
    pixels: np.ndarray  # [P] uint16: transmission * FULL_SCALE
    flat_field: float  # I0 level of the dataset, 1 where air is exactly 1
    unit_mm: float | None  # mm per world unit
    duration_s: float | None  # seconds from t = 0 to t = 1
    counts: np.ndarray | None = None  # [P] bool: which pixels count; None where all do

    def __len__(self) -> int:
        return len(self.name)

    def size(self, frame: int) -> tuple[int, int]:
        """(width, height) in pixels."""
        width, height = self.views.size[self.first_view[frame]]
        return int(width), int(height)

    def image(self, frame: int) -> np.ndarray:
        """Transmission [height, width] float32."""
        width, height = self.size(frame)
        raw = self.pixels[self.offset[frame] : self.offset[frame + 1]]
        return (raw.astype(np.float32) / FULL_SCALE).reshape(height, width)

    def mask(self, frame: int) -> np.ndarray | None:
        """Which pixels of a frame count, [height, width] bool; None where all of all frames do."""
        if self.counts is None:
            return None
        width, height = self.size(frame)
        return np.asarray(self.counts[self.offset[frame] : self.offset[frame + 1]]).reshape(height, width)

    def main_view(self, frame: int) -> int:
        """Index of the frame's view with the largest weight: the middle of a long exposure."""
        own = slice(int(self.first_view[frame]), int(self.first_view[frame + 1]))
        return own.start + int(self.weight[own].argmax())

    def frame_time(self) -> np.ndarray:
        """[F] float64: the weighted mean time of each frame's views."""
        return np.add.reduceat(self.weight * self.time, self.first_view[:-1])


def save(frames: Frames, folder: Path) -> None:
    """Write frames.json, projections.npy, and mask.npy where there are masks, into an existing folder."""
    np.save(folder / PIXELS, frames.pixels)
    if frames.counts is not None:
        np.save(folder / MASK, frames.counts)
    save_record(frames, folder)


def save_record(frames: Frames, folder: Path) -> None:
    """Write frames.json only; projections.npy and mask.npy, if there is one, are there already, written image by image."""
    views = frames.views
    record = {
        "name": frames.name,
        "held_out": frames.held_out.tolist(),
        "offset": frames.offset.tolist(),
        "first_view": frames.first_view.tolist(),
        "views": {
            "camera_to_world": views.camera_to_world.tolist(),
            "focal": views.focal.tolist(),
            "centre": views.centre.tolist(),
            "size": views.size.tolist(),
        },
        "weight": frames.weight.tolist(),
        "time": frames.time.tolist(),
        "flat_field": frames.flat_field,
        "unit_mm": frames.unit_mm,
        "duration_s": frames.duration_s,
        "mask": file_digest(folder / MASK) if (folder / MASK).exists() else None,
    }
    (folder / "frames.json").write_text(json.dumps(record))


def load(folder: Path) -> Frames:
    """Open prepared projections. Raises InputError where the folder is incomplete or damaged."""
    folder = Path(folder)
    check_files(folder, ["frames.json", PIXELS])
    try:
        record = json.loads((folder / "frames.json").read_text())
        pixels, counts = _mapped(folder / PIXELS), None
        if record.get("mask") is not None:  # results of older versions know of none
            check_files(folder, [MASK])
            counts = _mapped(folder / MASK)
        views = Views(**{key: np.array(value) for key, value in record["views"].items()})
        arrays = {key: np.array(record[key]) for key in ("held_out", "offset", "first_view", "weight", "time")}
        frames = Frames(
            name=record["name"], views=views, pixels=pixels, **arrays,
            flat_field=record["flat_field"], unit_mm=record["unit_mm"], duration_s=record["duration_s"],
            counts=counts,
        )  # fmt: skip
        for name, array in ((PIXELS, pixels), (MASK, counts)):
            if array is not None and len(array) != frames.offset[-1]:
                raise ValueError(f"{name} has another length than frames.json says")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot be read ({error})", where=folder, fix="delete it and run prepare again") from None
    return frames


def _mapped(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)
