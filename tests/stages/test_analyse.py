"""Volumes of the motion against the closed form that they sample."""

import dataclasses

import numpy as np
import pytest
import torch
from evolution_in_closed_form import DriftingBall, StillBall

from xct4d.analysis.derived import FUNCTIONS
from xct4d.analysis.motion import displacement
from xct4d.config import Analyse
from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_zarr import open_volume
from xct4d.quantities import DERIVED, DISPLACEMENT, QUANTITIES
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
    analyse_model(Swirl(), Analyse(resolution=20), t, Scale(5.0, 8.0), {DISPLACEMENT: tmp_path / "t.zarr"})
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
    analyse_model(Swirl(), Analyse(resolution=80), 0.5, WORLD, {DISPLACEMENT: tmp_path / "whole.zarr"})
    monkeypatch.setattr("xct4d.io.ome_writer.SHARD_FROM", 64)
    monkeypatch.setattr(stage, "TILE", tile)
    analyse_model(Swirl(), Analyse(resolution=80), 0.5, WORLD, {DISPLACEMENT: tmp_path / "tiled.zarr"})
    assert np.array_equal(*(open_volume(tmp_path / f"{name}.zarr")[:] for name in ("whole", "tiled")))


def test_several_quantities_at_once_scalars_among_them(tmp_path, monkeypatch):
    """A scalar has no channel axis; the volumes are those of each quantity alone."""
    length = dataclasses.replace(DISPLACEMENT, name="length", label="length", components=())
    monkeypatch.setattr("xct4d.quantities.QUANTITIES", (*QUANTITIES, length))
    monkeypatch.setitem(FUNCTIONS, "length", lambda evolution, points, t: displacement(evolution, points, t).norm(dim=1))
    analyse_model(Swirl(), Analyse(resolution=20), 0.5, WORLD, {q: tmp_path / f"{q.name}.zarr" for q in (DISPLACEMENT, length)})
    vectors, lengths = (open_volume(tmp_path / f"{name}.zarr")[:] for name in ("displacement", "length"))
    assert vectors.std() > 0.01
    assert np.allclose(np.linalg.norm(vectors, axis=0), lengths, atol=1e-6)


def test_every_derived_quantity_has_its_function():
    assert list(FUNCTIONS) == [quantity.name for quantity in DERIVED]


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
        analyse_model(model, Analyse(resolution=20), t, WORLD, {DISPLACEMENT: tmp_path / "t.zarr"})
    assert list(tmp_path.iterdir()) == []
