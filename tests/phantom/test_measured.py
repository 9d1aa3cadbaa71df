"""Measured volumes, in every format."""

import numpy as np
import pytest
import zarr
from preparation import complaint

from xct4d.config import Truth
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_writer import VolumeWriter
from xct4d.phantom.measured import MeasuredVolumes
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
