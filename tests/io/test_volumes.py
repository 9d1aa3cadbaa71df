"""Known volumes given as voxels."""

import os

import numpy as np
import pytest
from preparation import complaint

from xct4d.config import VolumeFile
from xct4d.io.volumes import load_volume


def test_axis_order_of_volumes_at_the_border(tmp_path):
    """One marked voxel at x = 1, y = 2, z = 3 of a 4 x 5 x 6 volume (x, y, z)."""
    volume = np.zeros((4, 5, 6), np.float32)
    volume[1, 2, 3] = 1
    np.save(tmp_path / "v.npy", volume)
    np.savez(tmp_path / "v.npz", vol=volume)
    volume.transpose(2, 1, 0).tofile(tmp_path / "v.raw")
    for file in (VolumeFile(path="v.npy"), VolumeFile(path="v.npz"), VolumeFile(path="v.raw", shape=(6, 5, 4), dtype="float32")):
        loaded = load_volume(file, tmp_path, "input.forward_volume")
        assert loaded.shape == (6, 5, 4)
        assert np.argwhere(loaded).tolist() == [[3, 2, 1]]


@pytest.mark.parametrize(("dtype", "stored", "value"), [("uint32", 2**32 - 1, 1.0), ("int16", 32767, 1.0), ("int16", -16384, -0.500015)])
def test_whole_numbers_of_a_raw_volume(tmp_path, dtype, stored, value):
    np.full((2, 3, 4), stored, dtype).tofile(tmp_path / "v.raw")
    loaded = load_volume(VolumeFile(path="v.raw", shape=(2, 3, 4), dtype=dtype), tmp_path, "input.forward_volume")
    assert loaded == pytest.approx(value)


def volume(folder, **keys) -> str:
    return complaint(load_volume, VolumeFile(**keys), folder, "input.forward_volume")


def test_volume_is_missing(tmp_path):
    assert "input.forward_volume.path: there is no file" in volume(tmp_path, path="v.npy")


@pytest.mark.parametrize("path", ["../v.npy", "/v.npy"])
def test_volume_outside(tmp_path, path):
    assert "input.forward_volume.path" in volume(tmp_path / "dataset", path=path)


def test_pickled_volume(tmp_path):
    np.savez(tmp_path / "v.npz", vol=np.array([{"a": 1}], dtype=object))
    assert "v.npz: is not a plain array" in volume(tmp_path, path="v.npz")


def test_pickle_never_runs(tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    np.save(tmp_path / "v.npy", np.array([Harm()], dtype=object), allow_pickle=True)
    assert "v.npy" in volume(tmp_path, path="v.npy")
    assert not (tmp_path / "harm").exists()


def test_npz_without_vol(tmp_path):
    np.savez(tmp_path / "v.npz", volume=np.zeros((4, 4, 4)))
    assert "v.npz: has no array vol" in volume(tmp_path, path="v.npz")


def test_truncated_npy(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((8, 8, 8)))
    (tmp_path / "v.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:500])
    assert "v.npy" in volume(tmp_path, path="v.npy")


def test_volume_beyond_single_precision(tmp_path, recwarn):
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), 1e300))
    assert "v.npy: holds NaN or infinite voxels" in volume(tmp_path, path="v.npy")
    assert not recwarn.list


def test_image_as_volume(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((8, 8)))
    assert "v.npy: holds float64 of shape (8, 8)" in volume(tmp_path, path="v.npy")


def test_volume_with_nan(tmp_path):
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), np.nan))
    assert "v.npy: holds NaN" in volume(tmp_path, path="v.npy")


def test_negative_attenuation(tmp_path):
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), -1.0))
    assert "v.npy: holds negative attenuation" in volume(tmp_path, path="v.npy")


def test_raw_of_the_wrong_size(tmp_path):
    (tmp_path / "v.raw").write_bytes(bytes(100))
    line = volume(tmp_path, path="v.raw", shape=(3, 4, 5), dtype="uint16")
    assert "v.raw: has 100 bytes, but 3 x 4 x 5 voxels of uint16 need 120" in line


def test_raw_without_shape(tmp_path):
    (tmp_path / "v.raw").write_bytes(bytes(100))
    assert "input.forward_volume: v.raw does not tell its shape and dtype" in volume(tmp_path, path="v.raw", dtype="uint8")


def test_shape_for_npy(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((4, 4, 4)))
    assert "input.forward_volume: shape and dtype belong to .raw" in volume(tmp_path, path="v.npy", shape=(4, 4, 4))


def test_volume_of_an_unknown_kind(tmp_path):
    (tmp_path / "v.mat").write_bytes(b"x")
    assert "v.mat" in volume(tmp_path, path="v.mat")
