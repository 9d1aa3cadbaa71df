"""The scenes of the benchmark: their datasets, and the truth at the points where all are scored."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from benchmarks.voxel_scenes import SOURCES, make_voxel_scene
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.phantom.truth import Phantom
from xct4d.stages.simulate import simulate

FOLDER = Path(__file__).parents[2] / "config" / "scenes"
MOTION_RESOLUTION = 48  # points per axis at which displacements are compared
MATERIAL = 0.1  # part of the largest attenuation above which a point counts
QUARTERS, FIFTHS = (0.25, 0.5, 0.75, 1.0), (0.2, 0.4, 0.6, 0.8, 1.0)
TEXTURED, LOW_TEXTURE = 0.6, 0.7  # parts of the best peer's error that are to be reached

SCENES = {
    "balls": (QUARTERS, TEXTURED),
    "kelvin": (FIFTHS, TEXTURED),
    "lattice": (FIFTHS, TEXTURED),
    "foam": (QUARTERS, TEXTURED),
    "bone": (QUARTERS, TEXTURED),
    "snow": (QUARTERS, TEXTURED),
    "organ": (QUARTERS, LOW_TEXTURE),
    "rubber": (QUARTERS, LOW_TEXTURE),
}


@dataclass(frozen=True)
class Case:
    """A scene and how it is judged."""

    name: str
    path: Path
    times: tuple[float, ...]  # at which the motion is scored, after t = 0
    limit: float  # part of the best peer's error that is to be reached

    @property
    def textured(self) -> bool:
        """Whether the 95th percentile and the correlation are to be better than the best peer's, too."""
        return self.limit == TEXTURED


def find(name: str) -> Case | None:
    """The case of a scene's name or file; None where its voxels are not on this machine. Raises SystemExit where there is no such scene."""
    path = Path(name) if name.endswith((".yaml", ".json")) else FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise SystemExit(f"--scenes: no scene {name}; the benchmark has {', '.join(SCENES)}")
    source = SOURCES.get(name)
    if source is not None and not (_data() / source.file).is_file():
        return None
    return Case(path.stem, path, *SCENES.get(path.stem, (QUARTERS, TEXTURED)))


def place(case: Case, folder: Path, resolution: int) -> Path:
    """Make the dataset and truth.npz in a folder, or keep what is there if it is of the same scene. Returns the dataset's folder."""
    dataset, made_of = folder / "dataset", folder / "made_of.txt"
    key = f"{hashlib.sha256(case.path.read_bytes()).hexdigest()} {case.times} {resolution}"
    if made_of.is_file() and made_of.read_text() == key:
        return dataset
    shutil.rmtree(folder, ignore_errors=True)
    scene = make_voxel_scene(case.name, _data(), folder / "scene") if case.name in SOURCES else case.path
    folder.mkdir(parents=True, exist_ok=True)
    simulate(scene, dataset)
    np.savez_compressed(folder / "truth.npz", **_truth(Phantom.load(dataset / "scene.yaml"), (0.0, *case.times), resolution))
    made_of.write_text(key)
    return dataset


def motion_points() -> np.ndarray:
    """[N, 3] float64: the points at which displacements are compared."""
    centres = voxel_centres(MOTION_RESOLUTION)
    return grid_points(centres, centres, centres)


def in_material(mu: np.ndarray) -> np.ndarray:
    """[N] bool: which of the motion's points lie in material of a volume mu [n, n, n] (z, y, x), trilinear between voxel centres."""
    n = len(mu)
    index = (motion_points()[:, ::-1].T + 1) * n / 2 - 0.5
    return map_coordinates(mu, index, order=1, mode="nearest") > MATERIAL * mu.max()


def _truth(phantom: Phantom, times: tuple[float, ...], resolution: int) -> dict[str, np.ndarray]:
    points, m = motion_points(), MOTION_RESOLUTION
    arrays = {}
    for t in times:
        arrays[f"mu_{t:.3f}"] = phantom.volume(resolution, t).astype(np.float16)
        arrays[f"u0_{t:.3f}"] = (phantom.flow(points, t, 0.0) - points).reshape(m, m, m, 3).astype(np.float32)
    return arrays


def _data() -> Path:
    return Path(os.environ.get("XCT4D_DATA", "XCT4D_DATA is not set"))
