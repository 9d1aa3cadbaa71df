"""A transforms file as checked numbers: cameras, weights and times of each projection."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.errors import InputError
from xct4d.io.paths import safe_path
from xct4d.readers.images import read_mask, read_transmission
from xct4d.readers.reader import Acquisition, Projection
from xct4d.readers.reference.intrinsics import focal_lengths, refuse_absurd, refuse_two_focal_lengths
from xct4d.readers.reference.keys import LISTS, NOT_APPLIED, OF_FILE, OF_FRAME, refuse_misplaced, refuse_unsupported
from xct4d.readers.reference.transforms import mask_of, read_json
from xct4d.readers.reference.values import finite_numbers, number, positive, whole_pixels

RIGID = 2e-4  # how far rotation @ rotation.T may be from the identity: four decimals, rounded


@dataclass(frozen=True, kw_only=True)
class ImageProjection(Projection):
    """One frame of a transforms file, whose pixels are a file of transmissions."""

    path: Path
    mask_path: Path | None = None

    @property
    def image(self) -> Path:
        return self.path.resolve()

    def load(self) -> np.ndarray:
        return read_transmission(self.path, self.size, self.where)

    def mask(self) -> np.ndarray | None:
        return None if self.mask_path is None else read_mask(self.mask_path, self.size, f"{self.where}.mask_path")


def read(path: str | Path) -> Acquisition:
    """Read and check a transforms file; images are not opened.

    Raises InputError naming file, frame and key where something is missing, not
    a number, or not a rigid camera pose (source of the format: nerfstudio's
    transforms.json, with `time`, `camera_weights`, stacked `transform_matrix`
    and `flat_field` as the reference program adds them).
    """
    path = Path(path)
    tree = read_json(path)
    refuse_misplaced(tree, OF_FILE, OF_FRAME, f"{path}:", "belongs to the frames")
    refuse_unsupported(tree, f"{path}:")
    notes: list[str] = []
    if ignored := [key for key in NOT_APPLIED if key in tree]:
        notes.append(f"not applied: {', '.join(ignored)} of {path.name}; the poses are taken as they are, in world units")
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
                f"the file is listed before ({first.where}) with another camera, time or mask",
                where=projection.where,
                fix="remove one of the two",
            )
    flat_field = number(tree, "flat_field", f"{path}:", default=1.0)
    if not 0 < flat_field <= 2:
        raise InputError(f"must be the transmission of air, about 1, not {flat_field:g}", where=f"{path}: flat_field")
    return Acquisition(
        path=path,
        projections=list(projections.values()),
        flat_field=flat_field,
        unit_mm=positive(tree, "unit_mm", f"{path}:"),
        duration_s=positive(tree, "duration_s", f"{path}:"),
        lists=_lists(tree, path),
        notes=notes,
    )


def _projection(path: Path, tree: dict, frame: dict, index: int) -> ImageProjection:
    where = f"{path}: frames[{index}]"
    file = safe_path(path.parent, frame["file_path"], f"{where}.file_path")
    mask = mask_of(path, frame, index)
    where = f"{where} ({frame['file_path']})"
    refuse_misplaced(frame, OF_FRAME, OF_FILE, where, "belongs to the whole file")
    refuse_unsupported(frame, where)
    poses = _poses(frame, where)
    both = {**tree, **frame}
    size = (whole_pixels(both, "w", where), whole_pixels(both, "h", where))
    refuse_two_focal_lengths(tree, frame, where)
    focal, centre = focal_lengths(both, size, where), (number(both, "cx", where), number(both, "cy", where))
    refuse_absurd(focal, centre, size, where)
    return ImageProjection(
        name=str(frame["file_path"]),
        path=file,
        mask_path=mask,
        where=where,
        camera_to_world=poses,
        focal=focal,
        centre=centre,
        size=size,
        weight=_weights(frame, len(poses), where),
        time=_times(frame, len(poses), where),
    )


def _poses(frame: dict, where: str) -> np.ndarray:
    where = f"{where}.transform_matrix"
    if "transform_matrix" not in frame:
        raise InputError("is missing", where=where)
    try:
        _refuse_other_than_numbers(frame["transform_matrix"])
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
            raise InputError(
                "mirrors (its determinant is -1)", where=here, fix="change the sign of one column; the camera looks along its -z"
            )
    return poses[:, :3].copy()


def _refuse_other_than_numbers(matrix: Any) -> None:
    """Raises ValueError for a text or a truth value, which numpy would take for a number."""
    waiting = [matrix]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, (str, bool)):
            raise ValueError


def _weights(frame: dict, count: int, where: str) -> np.ndarray:
    where = f"{where}.camera_weights"
    given = frame.get("camera_weights", 1.0)
    weights = finite_numbers(given if isinstance(given, list) else [given] * count, where)
    if len(weights) != count:
        raise InputError(f"has {len(weights)} weights for {count} camera(s)", where=where)
    if not (weights > 0).all():
        raise InputError("every weight must be positive", where=where)
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        weights = weights / weights.max()
        total = weights.sum()
    if not (weights / total > 0).all():
        raise InputError("the smallest is nothing beside the others", where=where)
    return weights / total


def _times(frame: dict, count: int, where: str) -> np.ndarray | None:
    where = f"{where}.time"
    given = frame.get("time")
    if given is None:
        return None
    times = finite_numbers(given if isinstance(given, list) else [given], where)
    if len(times) != count:
        raise InputError(f"has {len(times)} time(s) for {count} camera(s)", where=where)
    if (times < 0).any():
        raise InputError(f"must not be negative, is {times.min():g}", where=where)
    return times


def _lists(tree: dict, path: Path) -> dict[str, list[str]] | None:
    lists: dict[str, Any] = {key: tree[key] for key in LISTS if key in tree}
    for key, names in lists.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError("must be a list of file names", where=f"{path}: {key}")
    return lists or None


def _same(a: ImageProjection, b: ImageProjection) -> bool:
    def record(p: ImageProjection) -> tuple:
        time = None if p.time is None else p.time.tolist()
        return (p.camera_to_world.tolist(), p.focal, p.centre, p.size, p.weight.tolist(), time, p.mask_path)

    return record(a) == record(b)
