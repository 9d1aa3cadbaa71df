"""Motion found with misaligned cameras of the sequence, with and without calibration, beside that with the right ones.

    python -m benchmarks.calibration results/balls [--column 3] [--row 3] [--angle 0.5] [--distance 0.01]

The folder is the finished result of a scene with two scans and a sequence. The
cameras of the last source of the sequence are moved, the others stay right; no
projection changes. Then the stages calibrate, register and velocity run with
their default settings, from the result's own canonicals, and the displacement
is compared with the scene's motion at points of material.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from xct4d.calibration.correction import NAMES, Correction
from xct4d.calibration.sources import sources_of
from xct4d.config import Registration, Velocity
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.material import is_true_material
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.geometry.views import concatenate
from xct4d.io import prepared
from xct4d.io.links import link
from xct4d.metrics import displacement_error
from xct4d.phantom.truth import Phantom
from xct4d.stages.calibrate import calibrate
from xct4d.stages.register import register
from xct4d.stages.velocity import velocity

TIMES = (0.25, 0.5, 0.75, 1.0)
POINTS = 40  # per axis of the box, of which those in material count


def planted(between: Path, wrong: Correction, folder: Path) -> Path:
    """The prepared sequence with the cameras of its last source moved the other way: `wrong` corrects them."""
    frames = prepared.load(between)
    views = [frames.views[[v]] for v in range(len(frames.views))]
    back = Correction.of(-wrong.values())
    for f in sources_of(frames)[-1].tolist():
        for v in range(int(frames.first_view[f]), int(frames.first_view[f + 1])):
            views[v] = back.applied(views[v])
    folder.mkdir(parents=True)
    link(between / "projections.npy", folder / "projections.npy")
    shutil.copyfile(between / "checks.json", folder / "checks.json")
    record = json.loads((between / "frames.json").read_text())
    moved = concatenate(views)
    record["views"] |= {"camera_to_world": moved.camera_to_world.tolist(), "centre": moved.centre.tolist()}
    (folder / "frames.json").write_text(json.dumps(record))
    return folder


def errors(results: Path, between: Path, folder: Path) -> list[float]:
    """Mean error of the displacement since t = 0 at each of TIMES, world units."""
    canonicals: dict[Direction, Path] = {direction: results / "canonical" / direction for direction in SCAN_TIME}
    states = {"forward": results / "prepared" / "forward", "backward": results / "prepared" / "backward", "between": between}
    register(Registration(), states, canonicals, folder / "registration")
    settings, coarser = Velocity(), None
    for level in settings.levels:
        output = folder / str(level.resolution)
        velocity(
            settings,
            level,
            states,
            canonicals,
            coarser,
            output,
            folder / "checkpoint",
            folder / "board",
            registration=folder / "registration",
        )
        coarser = output
    field, truth = VelocityField.load(folder / str(settings.levels[-1].resolution) / "field.safetensors"), scene_of(results)
    axis, found = voxel_centres(POINTS), []
    points = grid_points(axis, axis, axis)
    largest = float(truth.density(points, 0.0).max())
    for t in TIMES:
        material = points[is_true_material(truth.density(points, t), largest)]
        with torch.no_grad():
            carried = field.flow(torch.from_numpy(material).float(), t, 0.0).numpy()
        found.append(displacement_error(carried, truth.flow(material, t, 0.0), POINTS)["mean"])
    return found


def scene_of(results: Path) -> Phantom:
    return Phantom.load(results / "simulated" / "scene.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the finished result of a scene")
    for name, default in (("column", 3.0), ("row", 3.0), ("angle", 0.5), ("distance", 0.01)):
        parser.add_argument(f"--{name}", type=float, default=default)
    given = parser.parse_args()
    wrong = Correction(column_px=given.column, row_px=given.row, angle_deg=given.angle, distance=given.distance)
    canonicals: dict[Direction, Path] = {direction: given.results / "canonical" / direction for direction in SCAN_TIME}
    with TemporaryDirectory() as name:
        folder = Path(name)
        right = given.results / "prepared" / "between"
        moved = planted(right, wrong, folder / "planted")
        calibrate(moved, canonicals, folder / "calibrated")
        record = json.loads((folder / "calibrated" / "calibration.json").read_text())
        print("\n|  | " + " | ".join(NAMES) + " |\n|---" * 1 + "|---" * len(NAMES) + "|")
        print("| planted | " + " | ".join(f"{value:.4g}" for value in wrong.values()) + " |")
        last = record["sources"][-1]
        print("| found | " + " | ".join(f"{last['measured'][name]:.4g} +- {last['sigma'][name]:.2g}" for name in NAMES) + " |")
        print("rows by pairs:", record["rows_by_pairs"])
        print("\n| displacement error at t | " + " | ".join(map(str, TIMES)) + " |\n|---" + "|---" * len(TIMES) + "|", flush=True)
        for title, between in (("right", right), ("calibrated", folder / "calibrated"), ("misaligned", moved)):
            mean = errors(given.results, between, folder / title)
            print(f"| {title} | " + " | ".join(f"{value:.4f}" for value in mean) + f" | mean {np.mean(mean):.5f} |", flush=True)


if __name__ == "__main__":
    main()
