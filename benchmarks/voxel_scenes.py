"""The voxels of the scenes bone and snow, from public tomography volumes that you have downloaded.

    python -m benchmarks.voxel_scenes DATA [--output config/scenes]

DATA holds one folder or both:

- lhdl_trabecular_bone/3155_D_4_bc_cropped_200.tif: human trabecular bone, 200^3
  uint8, voxels of 0.0195 mm (LHDL collection, in the repository gianthk/ciclope;
  MIT).
- snow/snow.tif: snow, 100^3 uint16 (package spam 0.9.1; GPL-3.0-or-later).

Written beside the scene files, bone.npy and snow.npy: a cylinder cut from the
volume, its grey values scaled so that the pores are 0 and the solid about 1,
[x, y, z] float32 over the whole box. Neither is part of this repository.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as imageio
import numpy as np

SCENES = Path(__file__).parents[1] / "config" / "scenes"
VOXELS = 128  # per axis of the box; the volume fills 100 of them


@dataclass(frozen=True)
class Source:
    """A tomography volume, and what its grey values mean."""

    file: str  # in the folder of the data
    bin: int  # voxels per axis that become one
    pore: float  # grey value
    solid: float


SOURCES = {
    "bone": Source("lhdl_trabecular_bone/3155_D_4_bc_cropped_200.tif", bin=2, pore=45, solid=170),
    "snow": Source("snow/snow.tif", bin=1, pore=14000, solid=33000),
}


def make_voxel_scene(name: str, data: Path, folder: Path) -> Path:
    """Write <name>.npy and the scene that names it into a folder. Returns the scene's path. Raises OSError where the data are not there."""
    volume = densities(imageio.imread(data / SOURCES[name].file), SOURCES[name])
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.npy", volume.transpose(2, 1, 0))
    scene = folder / f"{name}.yaml"
    if scene.resolve() != (SCENES / scene.name).resolve():
        shutil.copyfile(SCENES / scene.name, scene)
    return scene


def densities(grey: np.ndarray, source: Source) -> np.ndarray:
    """[z, y, x] float32 over the box: 0 in the pores and outside the cylinder, about 1 in the solid."""
    k = source.bin
    n = len(grey) // k
    coarse = grey[: n * k, : n * k, : n * k].reshape(n, k, n, k, n, k).mean((1, 3, 5))
    solid = np.clip((coarse - source.pore) / (source.solid - source.pore), 0, None)
    centre = (n - 1) / 2
    y, x = np.ogrid[:n, :n]
    solid[:, np.hypot(y - centre, x - centre) > n / 2 - 1] = 0
    before = (VOXELS - n) // 2
    return np.pad(solid, [(before, VOXELS - n - before)] * 3).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder that holds lhdl_trabecular_bone or snow")
    parser.add_argument("--output", type=Path, default=SCENES, help="folder of the scenes (%(default)s)")
    arguments = parser.parse_args()
    present = [name for name, source in SOURCES.items() if (arguments.data / source.file).is_file()]
    if not present:
        parser.error(f"{arguments.data} holds none of {', '.join(source.file for source in SOURCES.values())}")
    for name in present:
        print(make_voxel_scene(name, arguments.data, arguments.output))


if __name__ == "__main__":
    main()
