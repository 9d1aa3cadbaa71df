"""A transforms file as checked numbers: cameras, weights and times of each projection."""

from __future__ import annotations

import difflib
import math
import reprlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.images import read_transmission
from xct4d.readers.reader import Acquisition, Projection
from xct4d.readers.reference.transforms import read_json

RIGID = 2e-4  # how far rotation @ rotation.T may be from the identity: four decimals, rounded
AGREE = 0.01  # relative difference up to which two statements of a focal length agree
LARGEST = 100_000  # pixels along one side of a detector
_LISTS = ("train_filenames", "val_filenames", "test_filenames")
_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2", "distortion_params")
# keys that are looked at: of the file and of a frame alike, of the file alone, of a frame alone
_SHARED = ("fl_x", "fl_y", "cx", "cy", "w", "h", "camera_angle_x", "camera_angle_y", "camera_model", "mask_path", "orientation_override", *_DISTORTION)
_OF_FILE = ("frames", "flat_field", "unit_mm", "duration_s", *_LISTS)
_OF_FRAME = ("file_path", "transform_matrix", "time", "camera_weights")
    @property
    def image(self) -> Path:
        return self.path.resolve()

_PINHOLE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "PERSPECTIVE")


@dataclass(frozen=True, kw_only=True)
class ImageProjection(Projection):
    """One frame of a transforms file, whose pixels are a file of transmissions."""

    path: Path

    def load(self) -> np.ndarray:
        return read_transmission(self.path, self.size, self.where)


def read(path: str | Path) -> Acquisition:
    """Read and check a transforms file; images are not opened.

    Raises InputError naming file, frame and key where something is missing, not
    a number, or not a rigid camera pose (source of the format: nerfstudio's
    transforms.json, with `time`, `camera_weights`, stacked `transform_matrix`
    and `flat_field` as the reference program adds them).
    """
    path = Path(path)
    tree = read_json(path)
    _refuse_misplaced(tree, _OF_FILE, _OF_FRAME, f"{path}:", "belongs to the frames")
    _refuse_unsupported(tree, f"{path}:")
    notes: list[str] = []
    projections: dict[str, ImageProjection] = {}
    for i, frame in enumerate(tree["frames"]):
        projection = _projection(path, tree, frame, i)
        key = str(projection.path.resolve())
        first = projections.get(key)
        if first is None:
            projections[key] = projection
        elif _same(first, projection):
            notes.append(f"{projection.name} is listed twice with the same camera and time; used once")
        else:
            raise InputError(
                f"the file is listed before ({first.where}) with another camera or time", where=projection.where, fix="remove one of the two"
            )
    flat_field = _number(tree, "flat_field", f"{path}:", default=1.0)
    if not 0 < flat_field <= 2:
        raise InputError(f"must be the transmission of air, about 1, not {flat_field:g}", where=f"{path}: flat_field")
    return Acquisition(
        path=path,
        projections=list(projections.values()),
        flat_field=flat_field,
        unit_mm=_positive(tree, "unit_mm", f"{path}:"),
        duration_s=_positive(tree, "duration_s", f"{path}:"),
        lists=_lists(tree, path),
        notes=notes,
    )


def _projection(path: Path, tree: dict, frame: dict, index: int) -> ImageProjection:
    where = f"{path}: frames[{index}]"
    file = safe_path(path.parent, frame["file_path"], f"{where}.file_path")
    where = f"{where} ({frame['file_path']})"
    _refuse_misplaced(frame, _OF_FRAME, _OF_FILE, where, "belongs to the whole file")
    _refuse_unsupported(frame, where)
    poses = _poses(frame, where)
    both = {**tree, **frame}
    size = (_whole(both, "w", where), _whole(both, "h", where))
    _refuse_two_focal_lengths(tree, frame, where)
    return ImageProjection(
        name=str(frame["file_path"]),
        path=file,
        where=where,
        camera_to_world=poses,
        focal=_focal(both, size, where),
        centre=(_number(both, "cx", where), _number(both, "cy", where)),
        size=size,
        weight=_weights(frame, len(poses), where),
        time=_times(frame, len(poses), where),
    )


def _focal(both: dict, size: tuple[int, int], where: str) -> tuple[float, float]:
    focal = []
    for key, angle, pixels in (("fl_x", "camera_angle_x", size[0]), ("fl_y", "camera_angle_y", size[1])):
        if key in both:
            focal.append(_number(both, key, where))
        elif angle in both:
            opening = _number(both, angle, where)
            if not 0 < opening < math.pi:
                raise InputError(f"must be between 0 and pi, not {opening:g}", where=_at(where, angle))
            focal.append(pixels / 2 / math.tan(opening / 2))
        elif key == "fl_y":  # square pixels
            focal.append(focal[0])
        else:
            raise InputError("is missing", where=_at(where, key), fix="give the focal length in pixels, or camera_angle_x")
        if focal[-1] <= 0:
            raise InputError(f"must be positive, not {focal[-1]:g}", where=_at(where, key))
    return focal[0], focal[1]


def _refuse_two_focal_lengths(tree: dict, frame: dict, where: str) -> None:
    """Of a focal length and an opening angle one would be ignored, so they must agree; a frame's own length overrides the file's angle."""
    for key, angle, pixels in (("fl_x", "camera_angle_x", "w"), ("fl_y", "camera_angle_y", "h")):
        record = {**tree, **frame} if angle in frame else {**frame, **tree}
        if key in record and angle in record and (key not in frame or angle in frame):
            focal, opening = _number(record, key, where), _number(record, angle, where)
            meant = _whole(record, pixels, where) / 2 / math.tan(opening / 2) if 0 < opening < math.pi else math.inf
            if not abs(focal - meant) <= AGREE * focal:
                fix = "remove the wrong one of the two"
                raise InputError(f"{opening:g} means a focal length of {meant:.6g} px, but {key} is {focal:.6g}", where=_at(where, angle), fix=fix)


def _poses(frame: dict, where: str) -> np.ndarray:
    where = f"{where}.transform_matrix"
    if "transform_matrix" not in frame:
        raise InputError("is missing", where=where)
    try:
        poses = np.array(frame["transform_matrix"], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise InputError("must be 4 x 4 numbers, or a list of such matrices", where=where) from None
    if poses.ndim < 2:  # null among them, which numpy takes for NaN
        raise InputError(f"must be 4 x 4 numbers, not {reprlib.repr(frame['transform_matrix'])}", where=where)
    if poses.ndim == 2:
        poses = poses[None]
    if poses.ndim != 3 or poses.shape[1:] != (4, 4) or len(poses) == 0:
        shape = " x ".join(str(n) for n in np.shape(frame["transform_matrix"]))
        raise InputError(f"must be 4 x 4, or k of them, not {shape}", where=where)
    for i, pose in enumerate(poses):
        here = where if len(poses) == 1 else f"{where}[{i}]"
        if not np.isfinite(pose).all():
            raise InputError("has a value that is not a finite number", where=here)
        if np.abs(pose[3] - (0, 0, 0, 1)).max() > 1e-9:
            raise InputError(f"the last row must be 0 0 0 1, not {' '.join(f'{v:g}' for v in pose[3])}", where=here)
        rotation = pose[:3, :3]
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > RIGID:
            raise InputError("is not rigid: the first three columns must be orthonormal", where=here, fix="remove scale and shear")
        if np.linalg.det(rotation) < 0:
            raise InputError("mirrors (its determinant is -1)", where=here, fix="change the sign of one column; the camera looks along its -z")
    return poses[:, :3].copy()


def _weights(frame: dict, count: int, where: str) -> np.ndarray:
    where = f"{where}.camera_weights"
    given = frame.get("camera_weights", 1.0)
    weights = _floats(given if isinstance(given, list) else [given] * count, where)
    if len(weights) != count:
        raise InputError(f"has {len(weights)} weights for {count} camera(s)", where=where)
    if not (weights > 0).all():
        raise InputError("every weight must be positive", where=where)
    return weights / weights.sum()


def _times(frame: dict, count: int, where: str) -> np.ndarray | None:
    where = f"{where}.time"
    given = frame.get("time")
    if given is None:
        return None
    times = _floats(given if isinstance(given, list) else [given], where)
    if len(times) != count:
        raise InputError(f"has {len(times)} time(s) for {count} camera(s)", where=where)
    if (times < 0).any():
        raise InputError(f"must not be negative, is {times.min():g}", where=where)
    return times


def _floats(values: list, where: str) -> np.ndarray:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
            raise InputError(f"must be a finite number, not {reprlib.repr(value)}", where=where)
    return np.array(values, dtype=np.float64)


def _number(tree: dict, key: str, where: str, default: float | None = None) -> float:
    if key not in tree:
        if default is None:
            raise InputError("is missing", where=_at(where, key), fix="give it for the dataset or for every frame")
        return default
    return float(_floats([tree[key]], _at(where, key))[0])


def _positive(tree: dict, key: str, where: str) -> float | None:
    if tree.get(key) is None:
        return None
    value = _number(tree, key, where)
    if value <= 0:
        raise InputError(f"must be positive, not {value:g}", where=_at(where, key))
    return value


def _whole(tree: dict, key: str, where: str) -> int:
    value = _number(tree, key, where)
    if not 1 <= value <= LARGEST or value != int(value):
        raise InputError(f"must be a whole number of pixels, not {value:g}", where=_at(where, key))
    return int(value)


def _lists(tree: dict, path: Path) -> dict[str, list[str]] | None:
    lists: dict[str, Any] = {key: tree[key] for key in _LISTS if key in tree}
    for key, names in lists.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError("must be a list of file names", where=f"{path}: {key}")
    return lists or None


def _refuse_misplaced(record: dict, own: tuple[str, ...], foreign: tuple[str, ...], where: str, belongs: str) -> None:
    """A misspelt key, or one in the wrong place, would be ignored silently; nerfstudio's many other keys may be there."""
    for key in record:
        if key in foreign:
            raise InputError(belongs, where=_at(where, key), fix="move it there")
        if key not in own and key not in _SHARED:
            near = difflib.get_close_matches(key.lower(), [*own, *_SHARED], n=1, cutoff=0.8)
            if near and not key.endswith(f"_{near[0]}"):  # depth_file_path is another file's
                raise InputError("unknown key", where=_at(where, key), fix=f"did you mean {near[0]}?")


def _refuse_unsupported(record: dict, where: str) -> None:
    """What would change the geometry and is not part of X-ray projections must not pass unnoticed."""
    for key in _DISTORTION:
        value = record.get(key)
        if value is not None and np.any(np.asarray(value, dtype=object) != 0):
            raise InputError("lens distortion does not occur in X-ray projections", where=_at(where, key), fix="set it to 0")
    if record.get("camera_model", "OPENCV") not in _PINHOLE:
        raise InputError(f"{record['camera_model']} is not a pinhole camera", where=_at(where, "camera_model"))
    if "mask_path" in record:
        raise InputError("masks are not supported", where=_at(where, "mask_path"), fix="remove it, and list only projections to be used")
    if record.get("orientation_override", "none") != "none":
        raise InputError("poses are used as they are", where=_at(where, "orientation_override"), fix="set it to none or remove it")


def _at(where: str, key: str) -> str:
    """A key of a frame ("... frames[3] (a.png).fl_x") or of the whole file ("a.json: fl_x")."""
    return f"{where} {key}" if where.endswith(":") else f"{where}.{key}"


def _same(a: ImageProjection, b: ImageProjection) -> bool:
    def record(p: ImageProjection) -> tuple:
        time = None if p.time is None else p.time.tolist()
        return (p.camera_to_world.tolist(), p.focal, p.centre, p.size, p.weight.tolist(), time)

    return record(a) == record(b)
