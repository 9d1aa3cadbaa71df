"""Volumes of the motion against the closed form that they sample."""

import numpy as np
import pytest
import torch
from evolution_in_closed_form import DriftingBall, StillBall

from xct4d.config import Analyse
from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_zarr import open_volume
from xct4d.quantities import DISPLACEMENT
from xct4d.stages import analyse as stage
from xct4d.stages.analyse import analyse_model
from xct4d.units import WORLD, Scale
from xct4d.workflow.needs import analyse as needs

RATE = 0.4  # by which the swirling motion turns about the z axis, radians from t = 0 to t = 1


class Swirl(DriftingBall):
    """A motion that differs from place to place."""

    def flow(self, points, start, stop):
        angle = RATE * (stop - start)
        x, y, z = points.unbind(-1)
        turned = [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z]
        return torch.stack(turned, -1)


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_displacement_is_where_material_is_minus_where_it_was(tmp_path, t):
    analyse_model(Swirl(), Analyse(resolution=20), t, Scale(5.0, 8.0), tmp_path / "t.zarr")
    volume = open_volume(tmp_path / "t.zarr")
    assert volume.quantity is DISPLACEMENT
    assert volume.unit == "mm"
    c = voxel_centres(20)
    x, y, z = grid_points(c, c, c).T
    angle = -RATE * t  # back to t = 0
    was = np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z])
    expected = 5.0 * (np.stack([x, y, z]) - was).reshape(3, 20, 20, 20)
    assert np.allclose(volume[:], expected, atol=1e-5)
    assert volume.attributes["time"] == t
    assert "since t = 0" in volume.attributes["description"]
    assert volume.attributes["components"] == ["x", "y", "z"]


@pytest.mark.parametrize("tile", [64, 30])
def test_tiles_and_shards_do_not_change_the_volume(tmp_path, tile, monkeypatch):
    analyse_model(Swirl(), Analyse(resolution=80), 0.5, WORLD, tmp_path / "whole.zarr")
    monkeypatch.setattr("xct4d.io.ome_writer.SHARD_FROM", 64)
    monkeypatch.setattr(stage, "TILE", tile)
    analyse_model(Swirl(), Analyse(resolution=80), 0.5, WORLD, tmp_path / "tiled.zarr")
    assert np.array_equal(*(open_volume(tmp_path / f"{name}.zarr")[:] for name in ("whole", "tiled")))


def test_the_memory_of_a_tile_is_counted():
    assert stage.TILE == needs.TILE


@pytest.mark.parametrize(
    ("model", "t", "said"),
    [
        (StillBall(), 0.0, "analyse: a dataset of one scan has no motion to analyse"),
        (DriftingBall(), 1.5, r"export\.times: 1\.5 is outside"),
    ],
)
def test_what_the_model_does_not_have_is_refused(tmp_path, model, t, said):
    with pytest.raises(InputError, match=said):
        analyse_model(model, Analyse(resolution=20), t, WORLD, tmp_path / "t.zarr")
    assert list(tmp_path.iterdir()) == []
