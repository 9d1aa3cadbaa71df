"""Measured volumes, in every format."""

import numpy as np
import pytest
import torch
import zarr
from preparation import complaint

from xct4d.config import Truth
from xct4d.fields.known_grid import KnownGrid
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_writer import VolumeWriter
from xct4d.phantom.measured import MeasuredVolumes
from xct4d.phantom.shapes import parse
from xct4d.phantom.truth import Phantom
from xct4d.quantities import ATTENUATION, DISPLACEMENT
from xct4d.units import Scale

SHAPE = (4, 5, 6)  # z, y, x
VOLUME = np.random.default_rng(0).random(SHAPE).astype(np.float32)


def foreign(path, axes, volume, version):
    """An OME-Zarr image as another program writes it."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    group.create_array("s0", data=volume, chunks=volume.shape)
    multiscales = [{"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "s0"}]}]
    group.attrs.update({"multiscales": multiscales} if version == "0.4" else {"ome": {"version": "0.5", "multiscales": multiscales}})


def write_all(folder):
    """The same volume in every format, as entries of `volumes`."""
    np.save(folder / "v.npy", VOLUME.transpose(2, 1, 0))
    np.savez(folder / "v.npz", vol=VOLUME.transpose(2, 1, 0))
    VOLUME.tofile(folder / "v.raw")
    with VolumeWriter(folder / "own.zarr", SHAPE, quantity=ATTENUATION, scale=Scale(unit_mm=5.0)) as writer:
        writer[:] = VOLUME
    foreign(folder / "old.zarr", "tczyx", VOLUME[None, None], "0.4")
    foreign(folder / "new.zarr", "xyz", VOLUME.transpose(2, 1, 0), "0.5")
    files = [{"path": "v.npy"}, {"path": "v.npz"}, {"path": "v.raw", "shape": SHAPE, "dtype": "float32"}]
    return [*files, {"path": "own.zarr"}, {"path": "old.zarr"}, {"path": "new.zarr"}]


def test_every_format_holds_the_same_attenuation(tmp_path):
    files = write_all(tmp_path)
    truth = MeasuredVolumes.from_truth(Truth(volumes=[file | {"time": i / 10} for i, file in enumerate(files)]), tmp_path)
    points = grid_points(*map(voxel_centres, SHAPE))
    assert truth.times == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    for t in truth.times:
        assert truth.density(points, t) == pytest.approx(VOLUME.ravel(), abs=1e-6), t


def test_an_object_may_stand_for_a_volume_at_one_time(tmp_path):
    (tmp_path / "o.yaml").write_text("{type: sphere, center: [0.5, 0, 0], radius: 0.2, rho: 3.0}\n")
    truth = MeasuredVolumes.from_truth(Truth(volumes=[{"path": "o.yaml", "time": 0.4}]), tmp_path)
    assert (truth.knows(0.4), truth.knows(0.5), truth.knows_motion) == (True, False, False)
    assert truth.density(np.array([[0.6, 0, 0], [0, 0, 0]]), 0.4).tolist() == [3, 0]


def test_what_is_no_volume_is_named(tmp_path):
    def refused(path):
        return complaint(MeasuredVolumes.from_truth, Truth(volumes=[{"path": path, "time": 0.4}]), tmp_path)

    assert "input.truth.volumes[0].path: there is no file" in refused("v.zarr")
    (tmp_path / "v.zarr").mkdir()
    assert "v.zarr: is not an OME-Zarr image" in refused("v.zarr")
    foreign(tmp_path / "film.zarr", "tzyx", np.stack([VOLUME] * 2), "0.5")
    assert "film.zarr: has the axes t, z, y, x with several entries along t (2); give one volume" in refused("film.zarr")
    foreign(tmp_path / "flat.zarr", "yx", VOLUME[0], "0.5")
    assert "flat.zarr: has the axes y, x; give one volume with the axes z, y, x" in refused("flat.zarr")
    with VolumeWriter(tmp_path / "u.zarr", SHAPE, quantity=DISPLACEMENT, scale=Scale()) as writer:
        writer[:] = np.stack([VOLUME] * 3)
    assert "u.zarr" in refused("u.zarr")
    with VolumeWriter(tmp_path / "part.zarr", SHAPE, quantity=ATTENUATION, faces=[(-1, 1), (-1, 1), (-0.5, 0.5)]) as writer:
        writer[:] = VOLUME
    assert "part.zarr: holds a region of the box alone; export it without export.region" in refused("part.zarr")


def test_values_on_the_faces_of_the_box(tmp_path):
    """A ramp along each axis from -1 to 1: on faces it is the coordinate everywhere, on centres the outermost half voxels are level."""
    z, y, x = (np.linspace(-1, 1, n) for n in SHAPE)
    ramp = z[:, None, None] + 10 * y[:, None] + 100 * x + 200
    np.save(tmp_path / "v.npy", ramp.transpose(2, 1, 0))
    points = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    for grid, (nz, ny, nx) in (("faces", (1, 1, 1)), ("centres", np.array(SHAPE) / (np.array(SHAPE) - 1))):
        truth = MeasuredVolumes.from_truth(Truth(volumes=[{"path": "v.npy", "time": 0.5, "grid": grid}]), tmp_path)
        expected = sum(scale * np.clip(points[:, axis] * n, -1, 1) for axis, (scale, n) in enumerate(((100, nx), (10, ny), (1, nz)))) + 200
        assert truth.density(points, 0.5) == pytest.approx(expected, abs=1e-4)
        known = KnownGrid(torch.from_numpy(ramp.astype(np.float32)), on_faces=grid == "faces")
        assert known(torch.from_numpy(points).float()).numpy() == pytest.approx(expected, abs=1e-3)
    line = complaint(MeasuredVolumes.from_truth, Truth(volumes=[{"path": "v.zarr", "time": 0.5, "grid": "faces"}]), tmp_path)
    assert "input.truth.volumes[0].grid: v.zarr tells where its values lie; remove it" in line


def test_objects_in_the_reference_program_s_words(tmp_path):
    """Without rho its density is 1; a parallelepiped's edges are v0, v1, v2 in one of its programs and v1, v2, v3 in the other."""
    edges = [[0.5, 0, 0], [0, 0.5, 0], [0.1, 0, 0.5]]
    solid = {"type": "parallelepiped", "origin": [0, 0, 0]}
    inside = np.array([[0.3, 0.2, 0.2], [0.5, 0.6, 0.2]])
    for first in (0, 1):
        tree = solid | {f"v{first + i}": edge for i, edge in enumerate(edges)}
        assert Phantom(parse(tree, source="o", folder=None)).density(inside, 0.0).tolist() == [1, 0]
    for tree in ({"type": "sphere", "radius": 0.4}, {"type": "cube", "side": 0.8}, {"type": "box", "sides": [0.8] * 3}):
        assert Phantom(parse(tree | {"center": [0.3, 0.2, 0.2]}, source="o", folder=None)).density(inside[:1], 0.0) == [1]
    flat = solid | {f"v{i}": edges[0] for i in (1, 2, 3)}
    assert "o: v1: v1, v2 and v3 lie in one plane" in complaint(lambda: parse(flat, source="o", folder=None))
