"""A dataset of one moving ball in the reference format, small enough for every test."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from xct4d.geometry.rays import pixel_rays
from xct4d.geometry.views import Views, orbit

WIDTH, HEIGHT, FOCAL, DISTANCE = 32, 24, 48.0, 4.0
RADIUS, ATTENUATION = 0.35, 2.0
AZIMUTHS = [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]


def centre(t: float) -> np.ndarray:
    return np.array([0.1 + 0.2 * t, -0.3, 0.5])


def views(azimuths=AZIMUTHS, polar=80.0) -> Views:
    n = len(azimuths)
    poses = np.stack([orbit(azimuth, polar, DISTANCE) for azimuth in azimuths])
    return Views(poses, np.full((n, 2), FOCAL), np.tile([WIDTH / 2, HEIGHT / 2], (n, 1)), np.tile([WIDTH, HEIGHT], (n, 1)))


def transmission(cameras: Views, view: int, t: float) -> np.ndarray:
    """[height, width], by the chord of each ray in the ball."""
    rays = pixel_rays(cameras, view)
    along = ((centre(t) - rays[:, :3]) * rays[:, 3:6]).sum(1)
    beside = ((rays[:, :3] + along[:, None] * rays[:, 3:6] - centre(t)) ** 2).sum(1)
    chord = 2 * np.sqrt(np.maximum(RADIUS**2 - beside, 0))
    return np.exp(-ATTENUATION * chord).reshape(HEIGHT, WIDTH)


def matrix(cameras: Views, view: int) -> list:
    return np.vstack([cameras.camera_to_world[view], [0, 0, 0, 1]]).tolist()


def save_image(path: Path, image: np.ndarray) -> None:
    """8 bit PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(path)


def make(folder: Path) -> Path:
    """Scans at t = 0 and 1 (six views, one held out), a sequence at 0, 0.25 ... 1 (two views, one held out)."""
    folder.mkdir(parents=True)
    sequence = []
    for number, t in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        is_end = t in (0.0, 1.0)
        cameras = views([*(AZIMUTHS if is_end else AZIMUTHS[:2]), 30.0])
        names = [f"images_{number:02d}/train_{i:02d}.png" for i in range(len(cameras) - 1)] + [f"images_{number:02d}/eval_00.png"]
        frames = [{"file_path": name, "time": t, "transform_matrix": matrix(cameras, i)} for i, name in enumerate(names)]
        for i, name in enumerate(names):
            save_image(folder / name, transmission(cameras, i, t))
        sequence += frames
        if is_end:
            write(folder, f"transforms_{number:02d}.json", frames)
    write(folder, "transforms_00_to_04.json", sequence)
    return folder


def write(folder: Path, name: str, frames: list) -> None:
    intrinsics = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "w": WIDTH, "h": HEIGHT, "flat_field": 1.0}
    (folder / name).write_text(json.dumps(intrinsics | {"frames": frames}))


class edited:  # noqa: N801 - used as a function
    """`with edited(folder) as tree`: change a transforms file as parsed."""

    def __init__(self, folder: Path, name: str = "transforms_00.json"):
        self.path = folder / name

    def __enter__(self) -> dict:
        self.tree = json.loads(self.path.read_text())
        return self.tree

    def __exit__(self, *_):
        self.path.write_text(json.dumps(self.tree))
