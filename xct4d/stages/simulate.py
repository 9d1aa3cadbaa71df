"""simulate: the dataset of a scene, in the reference format, with its truth."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import yaml

from xct4d.io.atomic import atomic_folder
from xct4d.phantom.dataset import end_labels, write_dataset
from xct4d.phantom.scenes import PlacedScene, load_scene
from xct4d.phantom.truth import Phantom

TRUTH = "truth"  # folder of the true volumes


def simulate(scene: Path, output: Path) -> None:
    """Write the dataset of a scene (.yaml, .json) to a folder.

    It holds the projections (xct4d.phantom.dataset), the objects at both ends
    as far as the format can say them, scene.yaml with the truth (Phantom.load),
    and the true volumes that the scene asks for (truth/t<time>.npz). The same
    scene gives the same bytes. Raises InputError where the scene is wrong or
    the folder cannot be written.
    """
    placed = load_scene(scene)
    phantom, times = Phantom.of_scene(placed), placed.scene.time_points()
    with atomic_folder(output) as folder:
        write_dataset(placed, folder, "simulate")
        for label, time_point in end_labels(placed).items():
            if (description := phantom.objects_at(times[time_point])) is not None:
                _write_yaml(description, folder / f"{placed.path.stem}_{label}.yaml")
        _write_truth(placed, folder)
        _write_volumes(placed, phantom, folder)


def _write_truth(placed: PlacedScene, folder: Path) -> None:
    tree = placed.scene.model_dump(exclude_unset=True)
    tree["object"] = placed.object.description
    _write_yaml(tree, folder / "scene.yaml")
    for name, voxels in placed.object.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if voxels.path.is_dir() else shutil.copyfile
        copy(voxels.path, folder / name)


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
