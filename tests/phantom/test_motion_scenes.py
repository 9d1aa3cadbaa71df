"""The scenes on which motion is judged: each can be simulated, and moves as its header says."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.voxel_scenes import SOURCES, Source, densities, make_voxel_scene
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.phantom.truth import Phantom
from xct4d.stages.simulate import simulate

SCENES = Path(__file__).parents[2] / "config" / "scenes"
NAMES = ["bone", "foam", "lattice", "organ", "rubber", "snow"]
DENSIFYING = ("foam", "organ")
SMALL = {"ends": {"azimuths": 3}, "between": {"azimuths": [17, 107]}}


def scene_file(name: str, folder: Path) -> Path:
    """The scene in a folder of its own, with its voxels; skips where they are not there."""
    if name not in SOURCES:
        return SCENES / f"{name}.yaml"
    data = os.environ.get("XCT4D_DATA")
    if data is None:
        pytest.skip("XCT4D_DATA names no folder of shared data")
    return make_voxel_scene(name, Path(data), folder)


def material(phantom: Phantom, n: int = 24) -> np.ndarray:
    """[N, 3] grid points in the material at t = 0."""
    c = voxel_centres(n)
    points = grid_points(c, c, c)
    density = phantom.density(points, 0.0)
    return points[density > 0.1 * density.max()]


@pytest.mark.parametrize("name", NAMES)
def test_a_small_copy_can_be_simulated(tmp_path, name):
    path = scene_file(name, tmp_path)
    tree = yaml.safe_load(path.read_text())
    tree |= {"times": [0.0, 0.5, 1.0], "views": SMALL, "detector": tree["detector"] | {"resolution": 12}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tree))
    simulate(tmp_path / "small.yaml", tmp_path / "out")
    assert len(list((tmp_path / "out").glob("images_*/*.png"))) == 2 * 3 + 2
    points = material(Phantom.load(path))
    np.testing.assert_array_equal(Phantom.load(tmp_path / "out/scene.yaml").density(points, 0.5), Phantom.load(path).density(points, 0.5))


@pytest.mark.parametrize("name", NAMES)
def test_the_path_is_not_linear_in_time_and_stays_in_the_box(tmp_path, name):
    phantom = Phantom.load(scene_file(name, tmp_path))
    points = material(phantom)
    half, whole = (phantom.flow(points, 0.0, t) - points for t in (0.5, 1.0))
    assert np.linalg.norm(2 * half - whole, axis=1).mean() > 0.1 * np.linalg.norm(whole, axis=1).mean() > 0.004
    assert np.abs(points + whole).max() < 1


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_realistic_and_matter_densifies_where_it_should(tmp_path, name):
    path = scene_file(name, tmp_path)
    tree, phantom = yaml.safe_load(path.read_text()), Phantom.load(path)
    assert 1e4 <= tree["detector"]["photons"] <= 1e5
    first, last = phantom.volume(64, 0.0).astype(float), phantom.volume(64, 1.0).astype(float)
    if name in DENSIFYING:
        assert last.sum() == pytest.approx(first.sum(), rel=0.03)  # walls are thin beside the grid
        assert dataclasses.replace(phantom, conserves_mass=False).volume(64, 1.0).sum() < 0.96 * first.sum()
    else:
        assert last.max() == pytest.approx(first.max(), rel=0.1)  # of voxels, no grid meets the brightest
    if name == "rubber":
        assert last.sum() == pytest.approx(first.sum(), rel=0.02)  # nearly incompressible


def test_voxels_become_a_cylinder_of_densities_in_the_middle_of_the_box():
    grey = np.full((200, 200, 200), 10, np.uint8)
    grey[:, :, 100:] = 110
    volume = densities(grey, Source("", bin=2, pore=10, solid=110))
    assert volume.shape == (128, 128, 128)
    assert volume[64, 64, 70] == 1
    assert volume[64, 64, 50] == 0  # a pore
    assert volume[64, 64, 115] == 0  # outside
    assert volume[14, 64, 70] == 1
    assert volume[13, 64, 70] == 0
    assert not volume[:, 16, 109].any()  # the corner of the square is cut off
