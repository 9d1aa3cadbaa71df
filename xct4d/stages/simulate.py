"""simulate: the dataset of a scene, in the reference format, with its truth."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import yaml

from xct4d.geometry.views import Views
from xct4d.io.atomic import atomic_folder
from xct4d.phantom.detector import record
from xct4d.phantom.scenes import PlacedScene, Sources, load_scene
from xct4d.phantom.truth import Phantom
from xct4d.progress import track

log = logging.getLogger(__name__)
TRUTH = "truth"  # folder of the true volumes


@dataclass(frozen=True)
class Shot:
    """One projection to make."""

    file: str  # relative to the dataset
    time_point: int  # index into Scene.time_points()
    views: Views
    view: int
    seed: tuple[int, int, int]  # time point, held out or not, view


def simulate(scene: Path, output: Path) -> None:
    """Write the dataset of a scene (.yaml, .json) to a folder.

    It holds transforms_00.json, transforms_NN.json and transforms_00_to_NN.json,
    images_*/train_*.png and eval_*.png, the objects at both ends as far as the
    format can say them, scene.yaml with the truth (Phantom.load), and the true
    volumes that the scene asks for (truth/t<time>.npz). The same
    scene gives the same bytes. Raises InputError where the scene is wrong or
    the folder cannot be written.
    """
    placed = load_scene(scene)
    phantom = Phantom.of_scene(placed)
    times = placed.scene.time_points()
    _warn_where_cut(phantom, times)
    shots = _shots(placed)
    digits = _digits(len(times))
    last = f"{len(times) - 1:0{digits}d}"
    with atomic_folder(output) as folder, track("simulate", len(shots)) as progress:
        for shot in shots:
            (folder / shot.file).parent.mkdir(exist_ok=True)
            imageio.imwrite(folder / shot.file, _image(placed, phantom, shot), compress_level=3)
            progress.advance()
        ends = {f"{0:0{digits}d}": 0, last: len(times) - 1}
        for label, time_point in ends.items():
            frames = [_frame(placed, shot) for shot in shots if shot.time_point == time_point]
            _write_transforms(placed, frames, folder / f"transforms_{label}.json")
            if (description := phantom.objects_at(times[time_point])) is not None:
                _write_yaml(description, folder / f"{placed.path.stem}_{label}.yaml")
        _write_transforms(placed, [_frame(placed, shot) for shot in shots], folder / f"transforms_{0:0{digits}d}_to_{last}.json")
        _write_truth(placed, folder)
        _write_volumes(placed, phantom, folder)


def _digits(time_points: int) -> int:
    return max(2, len(str(time_points - 1)))


def _shots(placed: PlacedScene) -> list[Shot]:
    scene = placed.scene
    count = len(scene.time_points())
    shots = []
    for time_point in range(count):
        end = time_point in (0, count - 1)
        trained = scene.views.ends if end else scene.views.between
        held_out = scene.views.ends_held_out if end else scene.views.between_held_out
        for part, (name, sources) in enumerate((("train", trained), ("eval", held_out))):
            shots += _shots_of(placed, time_point, part, name, sources) if sources is not None else []
    return shots


def _shots_of(placed: PlacedScene, time_point: int, part: int, name: str, sources: Sources) -> list[Shot]:
    views = placed.scene.cameras(sources)
    folder = f"images_{time_point:0{_digits(len(placed.scene.time_points()))}d}"
    digits = _digits(len(views))
    return [Shot(f"{folder}/{name}_{v:0{digits}d}.png", time_point, views, v, (time_point, part, v)) for v in range(len(views))]


def _image(placed: PlacedScene, phantom: Phantom, shot: Shot) -> np.ndarray:
    scene, detector = placed.scene, placed.scene.detector
    transmission: np.ndarray | float = 0.0
    for t, weight in zip(*scene.image_times(scene.time_points()[shot.time_point]), strict=True):
        transmission = transmission + weight * np.exp(-scene.flat(t) - phantom.projection(shot.views, shot.view, t))
    random = np.random.default_rng([scene.seed, *shot.seed])
    return record(np.asarray(transmission), bits=detector.bits, blur_px=detector.blur_px, photons=detector.photons, random=random)


def _frame(placed: PlacedScene, shot: Shot) -> dict:
    """Entry of a projection in a transforms file."""
    pose = np.vstack([shot.views.camera_to_world[shot.view], [0, 0, 0, 1]]).tolist()
    times, weights = (a.tolist() for a in placed.scene.frame_times(placed.scene.time_points()[shot.time_point]))
    if len(times) == 1:
        return {"file_path": shot.file, "time": times[0], "transform_matrix": pose}
    return {"file_path": shot.file, "time": times, "camera_weights": weights, "transform_matrix": [pose] * len(times)}


def _write_transforms(placed: PlacedScene, frames: list[dict], path: Path) -> None:
    scene = placed.scene
    cameras = scene.cameras(scene.views.ends)
    header = {
        # I0 as measured before the experiment: a dataset does not know how it drifts
        "flat_field": float(np.exp(-scene.flat(0.0))),
        "camera_angle_x": float(np.deg2rad(scene.detector.fov_deg)),
        "fl_x": float(cameras.focal[0, 0]),
        "fl_y": float(cameras.focal[0, 1]),
        "cx": float(cameras.centre[0, 0]),
        "cy": float(cameras.centre[0, 1]),
        "w": int(cameras.size[0, 0]),
        "h": int(cameras.size[0, 1]),
    }
    units = {key: value for key, value in (("unit_mm", scene.unit_mm), ("duration_s", scene.duration_s)) if value is not None}
    path.write_text(json.dumps({**header, **units, "frames": frames}, indent=1))


def _write_truth(placed: PlacedScene, folder: Path) -> None:
    tree = placed.scene.model_dump(exclude_unset=True)
    tree["object"] = placed.object.description
    _write_yaml(tree, folder / "scene.yaml")
    for name, voxels in placed.object.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(voxels.path, folder / name)


def _write_volumes(placed: PlacedScene, phantom: Phantom, folder: Path) -> None:
    """The true volumes that the scene asks for; values lie at voxel centres."""
    asked = placed.scene.truth
    if asked is None:
        return
    (folder / TRUTH).mkdir()
    for t in asked.times:
        np.savez_compressed(folder / TRUTH / f"t{t:.4f}.npz", vol=phantom.volume(asked.resolution, t).transpose(2, 1, 0))


def _write_yaml(tree: dict, path: Path) -> None:
    path.write_text(yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=140))


def _warn_where_cut(phantom: Phantom, times: np.ndarray) -> None:
    """Warn where the object touches the faces of the box, or of the cube of its reach: its part outside is not projected."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 101)] * 2), axis=-1).reshape(-1, 2)
    edge, reach = np.full(len(grid), 1 - 1e-9), phantom.reach
    faces = reach * np.concatenate([np.insert(grid, axis, side * edge, axis=1) for axis in range(3) for side in (-1, 1)])
    for t in times:
        if phantom.density(faces, t).any():
            cube = "box" if reach == 1 else "cube"
            log.warning(
                "the object reaches the faces of the %s [-%g, %g]^3 at t = %.3g; what lies outside is left out", cube, reach, reach, t
            )
            return
