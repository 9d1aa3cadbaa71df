"""Exchanged axes of a known volume, seen by the projections."""

import numpy as np
import pytest
import tiny_dataset
from preparation import complaint

from xct4d.checks.axes import check_axes
from xct4d.config import Input, Prepare, VolumeFile
from xct4d.geometry.box import voxel_centres
from xct4d.io import prepared
from xct4d.io.volumes import load_volume
from xct4d.stages import prepare as stage


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


@pytest.mark.parametrize("stored", ["x, y, z", "z, y, x"])
def test_volume_with_exchanged_axes(folder, stored):
    """The ball lies at x = 0.1, y = -0.3, z = 0.5; with x and z exchanged the projections tell."""
    stage.prepare(folder, Input(folder=str(folder)), Prepare(target_size=None), "forward", folder.parent / "prepared")
    z, y, x = np.meshgrid(*3 * [voxel_centres(40)], indexing="ij")
    truth = sum((p - c) ** 2 for p, c in zip((x, y, z), tiny_dataset.centre(0.0), strict=True)) < tiny_dataset.RADIUS**2
    np.save(folder / "v.npy", (truth.transpose(2, 1, 0) if stored == "x, y, z" else truth).astype(np.float32))
    volume, frames = load_volume(VolumeFile(path="v.npy"), folder, "input.forward_volume"), prepared.load(folder.parent / "prepared")
    if stored == "x, y, z":
        assert check_axes(volume, frames, folder / "v.npy") > 0.95
    else:
        line = complaint(check_axes, volume, frames, folder / "v.npy")
        assert "v.npy: its axes look exchanged" in line
        assert "taken as (x, y, z)" in line
