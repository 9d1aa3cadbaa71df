"""The part of the box that is scored."""

import numpy as np
import pytest

from xct4d.analysis.scored_region import ScoredRegion
from xct4d.config import EvaluatedRegion
from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres

N = 12


def contained(folder, **region):
    """[z, y, x] bool: the grid points that lie in the region."""
    c = voxel_centres(N)
    return ScoredRegion(EvaluatedRegion(**region), folder).contains(grid_points(c, c, c)).reshape(N, N, N)


def test_a_cube_and_a_box_are_given_in_world_units_x_first(tmp_path):
    c = voxel_centres(N)
    cube = contained(tmp_path, half_width=0.5)
    assert cube.sum() == (np.abs(c) <= 0.5).sum() ** 3
    box = contained(tmp_path, box={"x": [-1, 0], "y": [-0.5, 0.5], "z": [0, 1]})
    z, y, x = np.meshgrid(c, c, c, indexing="ij")
    assert np.array_equal(box, (x <= 0) & (abs(y) <= 0.5) & (z >= 0))


def test_a_mask_counts_voxel_by_voxel(tmp_path):
    mask = np.random.default_rng(0).random((N, N, N)) < 0.3  # z, y, x
    np.save(tmp_path / "m.npy", mask.transpose(2, 1, 0))
    assert np.array_equal(contained(tmp_path, mask={"path": "m.npy"}), mask)
    (2 * mask[::3, ::2, ::3]).astype(np.uint8).tofile(tmp_path / "m.raw")  # coarser, in voxels that are no cubes
    coarse = contained(tmp_path, mask={"path": "m.raw", "shape": (4, 6, 4), "dtype": "uint8"})
    assert np.array_equal(coarse, np.kron(mask[::3, ::2, ::3], np.ones((3, 2, 3), bool)))
    (tmp_path / "o.yaml").write_text("{type: sphere, center: [0, 0, 0.5], radius: 0.4, rho: 2.0}\n")
    z, y, x = np.meshgrid(*3 * (voxel_centres(N),), indexing="ij")
    assert np.array_equal(contained(tmp_path, mask={"path": "o.yaml"}), x**2 + y**2 + (z - 0.5) ** 2 < 0.16)


def test_an_empty_mask_is_refused(tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((4, 4, 4)))
    with pytest.raises(InputError, match=r"m\.npy: is 0 everywhere; correct evaluate\.region\.mask"):
        contained(tmp_path, mask={"path": "m.npy"})
