"""Volumes of the motion against the closed form that they sample."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from evolution_in_closed_form import DRIFT, DriftingBall, StillBall

from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_zarr import open_volume
from xct4d.quantities import DISPLACEMENT
from xct4d.stages.analyse import analyse_model
from xct4d.units import WORLD, Scale

RATE = 0.4  # by which the swirling motion turns about the z axis, radians from t = 0 to t = 1


class Swirl(DriftingBall):
    """A motion that differs from place to place."""

    def flow(self, points, start, stop):
        angle = RATE * (stop - start)
        x, y, z = points.unbind(-1)
        turned = [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z]
        return torch.stack(turned, -1)


def settings(**changes):
    return SimpleNamespace(**{"resolution": 20, "tile": 8, "dtype": "float32"} | changes)


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_displacement_is_where_material_is_minus_where_it_was(tmp_path, t):
    analyse_model(Swirl(), settings(), t, Scale(5.0, 8.0), tmp_path / "t")
    volume = open_volume(tmp_path / "t" / "displacement.zarr")
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


@pytest.mark.parametrize("changes", [{"tile": 128}, {"tile": 64, "resolution": 80}])
def test_tiles_and_shards_do_not_change_the_volume(tmp_path, changes, monkeypatch):
    monkeypatch.setattr("xct4d.io.ome_zarr.SHARD_FROM", 64)
    analyse_model(Swirl(), settings(**changes), 0.5, WORLD, tmp_path / "a")
    analyse_model(Swirl(), settings(resolution=changes.get("resolution", 20), tile=10), 0.5, WORLD, tmp_path / "b")
    assert np.array_equal(*(open_volume(tmp_path / name / "displacement.zarr")[:] for name in "ab"))


def test_half_precision_is_enough_for_viewing(tmp_path):
    analyse_model(DriftingBall(), settings(dtype="float16"), 0.5, WORLD, tmp_path / "t")
    assert np.allclose(open_volume(tmp_path / "t" / "displacement.zarr")[:], (0.5 * DRIFT)[:, None, None, None], atol=1e-3)


@pytest.mark.parametrize(
    ("model", "t", "said"),
    [(StillBall(), 0.0, "analyse: a dataset of one scan has no motion to analyse"), (DriftingBall(), 1.5, "analyse.times: 1.5 is outside")],
)
def test_what_the_model_does_not_have_is_refused(tmp_path, model, t, said):
    with pytest.raises(InputError, match=said):
        analyse_model(model, settings(), t, WORLD, tmp_path / "t")
    assert list(tmp_path.iterdir()) == []
