"""Keys of a transforms file: which belong to the file and which to a frame, and what they may not ask for."""

from __future__ import annotations

import difflib

import numpy as np

from xct4d.errors import InputError
from xct4d.readers.reference.values import at

LISTS = ("train_filenames", "val_filenames", "test_filenames")
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2", "distortion_params")
# keys that are looked at: of the file and of a frame alike, of the file alone, of a frame alone
_SHARED = (
    "fl_x",
    "fl_y",
    "cx",
    "cy",
    "w",
    "h",
    "camera_angle_x",
    "camera_angle_y",
    "camera_model",
    "orientation_override",
    *_DISTORTION,
)
OF_FILE = ("frames", "flat_field", "unit_mm", "duration_s", *LISTS)
OF_FRAME = ("file_path", "transform_matrix", "time", "camera_weights", "mask_path")
# what other programs apply to the poses; here, as in the reference program, they are in world units already
NOT_APPLIED = ("scale", "offset", "aabb_scale", "applied_scale", "applied_transform")
_PINHOLE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")


def refuse_misplaced(record: dict, own: tuple[str, ...], foreign: tuple[str, ...], where: str, belongs: str) -> None:
    """A misspelt key, or one in the wrong place, would be ignored silently; nerfstudio's many other keys may be there."""
    for key in record:
        if key in foreign:
            raise InputError(belongs, where=at(where, key), fix="move it there")
        if key not in own and key not in _SHARED:
            near = difflib.get_close_matches(key.lower(), [*own, *_SHARED], n=1, cutoff=0.8)
            if near and not key.endswith(f"_{near[0]}"):  # depth_file_path is another file's
                raise InputError("unknown key", where=at(where, key), fix=f"did you mean {near[0]}?")


def refuse_unsupported(record: dict, where: str) -> None:
    """What would change the geometry and is not part of X-ray projections must not pass unnoticed."""
    for key in _DISTORTION:
        value = record.get(key)
        if value is not None and np.any(np.asarray(value, dtype=object) != 0):
            raise InputError("lens distortion does not occur in X-ray projections", where=at(where, key), fix="set it to 0")
    if record.get("camera_model", "OPENCV") not in _PINHOLE:
        raise InputError(f"{record['camera_model']} is not a pinhole camera", where=at(where, "camera_model"))
    if record.get("orientation_override", "none") != "none":
        raise InputError("poses are used as they are", where=at(where, "orientation_override"), fix="set it to none or remove it")
