"""The projections of a scene as a dataset in the reference format: images and transforms files."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

from xct4d.geometry.views import Views
from xct4d.io.links import link
from xct4d.phantom.detector import record
from xct4d.phantom.scenes import PlacedScene, Sources
from xct4d.phantom.truth import Phantom
from xct4d.progress import track

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shot:
    """One projection to make."""

    file: str  # relative to the dataset
    time_point: int  # index into Scene.time_points()
    views: Views
    view: int
    seed: tuple[int, int, int]  # time point, held out or not, view


def write_dataset(placed: PlacedScene, folder: Path, title: str, taken: Mapping[str, Path] | None = None) -> None:
    """Write transforms_00.json, transforms_NN.json, transforms_00_to_NN.json, images_*/train_*.png and eval_*.png into a folder.

    title: of the progress line. taken: images that exist already, by their
    place in the dataset; they get a second name. The same scene gives the same
    bytes. Raises InputError where object and motion do not fit.
    """
    phantom, times, shots = Phantom.of_scene(placed), placed.scene.time_points(), _shots(placed)
    _warn_where_cut(phantom, times)
    with track(title, len(shots)) as progress:
        for shot in shots:
            (folder / shot.file).parent.mkdir(exist_ok=True)
            if taken is not None and shot.file in taken:
                link(taken[shot.file], folder / shot.file)
            else:
                imageio.imwrite(folder / shot.file, _image(placed, phantom, shot), compress_level=3)
            progress.advance()
    labels = end_labels(placed)
    for label, time_point in labels.items():
        frames = [_frame(placed, shot) for shot in shots if shot.time_point == time_point]
        _write_transforms(placed, frames, folder / f"transforms_{label}.json")
    _write_transforms(placed, [_frame(placed, shot) for shot in shots], folder / f"transforms_{'_to_'.join(labels)}.json")


def end_labels(placed: PlacedScene) -> dict[str, int]:
    """The numbers of the two scans in names of files, and their time points."""
    last = len(placed.scene.time_points()) - 1
    digits = _digits(last + 1)
    return {f"{time_point:0{digits}d}": time_point for time_point in (0, last)}


def scan_images(placed: PlacedScene) -> list[str]:
    """Places of the images of the two scans in the dataset, in an order that does not depend on the sequence."""
    ends = end_labels(placed).values()
    return [shot.file for shot in _shots(placed) if shot.time_point in ends]


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
