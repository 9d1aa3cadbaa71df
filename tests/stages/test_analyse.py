"""Volumes of the motion against the closed form that they sample."""

import json

import numpy as np
import pytest
import torch
from evolution_in_closed_form import DRIFT, DriftingBall, FollowedBall, StillBall

from xct4d.analysis.uncertainty import Motions
from xct4d.config import Analyse
from xct4d.errors import InputError
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_zarr import open_volume
from xct4d.quantities import ANALYSED, BY_NAME, DISPLACEMENT, DISPLACEMENT_UNCERTAINTY
from xct4d.stages import analyse as stage
from xct4d.stages.analyse import analyse_model
from xct4d.units import WORLD, Scale
from xct4d.workflow.needs import analyse as needs

RATE = 0.4  # by which the swirling motion turns about the z axis, radians from t = 0 to t = 1


def still() -> VelocityField:
    return VelocityField(5, 4, longest_step=0.5, solver="midpoint")


def drifting(*velocity: float) -> VelocityField:
    field = still()
    with torch.no_grad():
        field.control[:] = torch.tensor(velocity)
    return field


CERTAIN = Motions(still(), [still(), still()])


MOVED = ("displacement", "displacement_uncertainty")


def outputs(folder, quantities=MOVED):
    return {name: folder / f"{name}.zarr" for name in quantities}


class Swirl(DriftingBall):
    """A motion that differs from place to place."""

    def flow(self, points, start, stop):
        angle = RATE * (stop - start)
        x, y, z = points.unbind(-1)
        turned = [np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z]
        return torch.stack(turned, -1)


def test_without_a_second_scan_there_is_motion_and_no_uncertainty(tmp_path):
    analyse_model(FollowedBall(), None, Analyse(resolution=20), 0.5, WORLD, outputs(tmp_path, ["displacement"]))
    assert np.allclose(open_volume(tmp_path / "displacement.zarr")[:, 10, 10, 10], 0.5 * DRIFT, atol=1e-6)


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_displacement_is_where_material_is_minus_where_it_was(tmp_path, t):
    analyse_model(Swirl(), CERTAIN, Analyse(resolution=20), t, Scale(5.0, 8.0), outputs(tmp_path))
    volume = open_volume(tmp_path / "displacement.zarr")
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
    analyse_model(Swirl(), CERTAIN, Analyse(resolution=80), 0.5, WORLD, outputs(tmp_path / "whole"))
    monkeypatch.setattr("xct4d.io.ome_writer.SHARD_FROM", 64)
    monkeypatch.setattr(stage, "TILE", tile)
    analyse_model(Swirl(), CERTAIN, Analyse(resolution=80), 0.5, WORLD, outputs(tmp_path / "tiled"))
    for name in MOVED:
        assert np.array_equal(*(open_volume(tmp_path / folder / f"{name}.zarr")[:] for folder in ("whole", "tiled")))


def test_uncertainty_is_the_deviation_of_the_sampled_motions(tmp_path):
    """Two samples that drift apart along x by +-0.1 a unit of time, in the material and around it."""
    motions = Motions(still(), [drifting(0.1, 0.0, 0.0), drifting(-0.1, 0.0, 0.0)])
    analyse_model(DriftingBall(), motions, Analyse(resolution=20), 0.5, Scale(5.0, 8.0), outputs(tmp_path))
    volume = open_volume(tmp_path / "displacement_uncertainty.zarr")
    assert volume.quantity is DISPLACEMENT_UNCERTAINTY
    assert volume.unit == "mm"
    assert np.allclose(volume[0], 5.0 * 0.05, rtol=1e-4)
    assert np.allclose(volume[1:], 0.0)


class Stretched(DriftingBall):
    """Twice as long along x at the time t = 1, folded where x < -0.5."""

    velocity = drifting(0.0, 0.0, 0.0)

    def flow_with_gradient(self, points, start, stop):
        gradient = torch.diag(torch.tensor([1 / (1 + start), 1.0, 1.0])).repeat(len(points), 1, 1)
        gradient[points[:, 0] < -0.5] *= -1
        return self.flow(points, start, stop), gradient

    def alpha(self, points, t):
        return points.new_full((len(points),), t)


def test_every_quantity_becomes_a_volume_and_folded_material_has_no_strain(tmp_path, capsys):
    analyse_model(Stretched(), CERTAIN, Analyse(resolution=20), 1.0, Scale(5.0, 8.0), outputs(tmp_path, ANALYSED))
    volumes = {name: open_volume(tmp_path / f"{name}.zarr") for name in ANALYSED}
    for name, volume in volumes.items():
        assert volume.quantity is BY_NAME[name]
        assert volume.shape == (*BY_NAME[name].shape, 20, 20, 20)
    assert np.allclose(volumes["jacobian"][:, :, 5:], 2)
    assert (volumes["jacobian"][:, :, :5] < 0).all()
    assert np.allclose(volumes["logarithmic_strain"][0, :, :, 5:], np.log(2))
    assert np.allclose(volumes["logarithmic_strain"][1:, :, :, 5:], 0, atol=1e-6)
    assert np.allclose(volumes["green_lagrange_strain"][0, :, :, 5:], 1.5)
    assert np.isnan(volumes["equivalent_strain"][:, :, :5]).all()
    assert volumes["equivalent_strain"].attributes["folded_voxels"] == 5 * 20 * 20
    assert "folded_voxels" not in volumes["displacement"].attributes
    assert volumes["velocity"].unit == "mm/s"
    assert f"folds the material in {5 * 20 * 20} of {20**3} voxels" in capsys.readouterr().err


def test_half_precision_keeps_three_digits_and_what_is_unknown(tmp_path):
    for dtype in ("float32", "float16"):
        analyse_model(
            Stretched(), CERTAIN, Analyse(resolution=20, dtype=dtype), 1.0, WORLD, outputs(tmp_path / dtype, ["logarithmic_strain"])
        )
    whole, half = (open_volume(tmp_path / dtype / "logarithmic_strain.zarr")[:] for dtype in ("float32", "float16"))
    assert np.allclose(half, whole, rtol=1e-3, atol=1e-6, equal_nan=True)
    assert np.isnan(half).any()


def test_viewers_show_what_the_values_are_in_material(tmp_path):
    """A swirl moves the far corners most; the ball, which ends near the middle, by less."""
    analyse_model(Swirl(), CERTAIN, Analyse(resolution=20), 1.0, Scale(5.0, 8.0), outputs(tmp_path))
    attributes = json.loads((tmp_path / "displacement.zarr/zarr.json").read_text())["attributes"]
    window = attributes["ome"]["omero"]["channels"][0]["window"]
    assert window["start"] == -window["end"]
    assert 0.3 < window["end"] < 0.6 * attributes["xct4d"]["range"][1]


def test_the_memory_of_a_tile_is_counted():
    assert (stage.TILE, stage.CHUNK) == (needs.TILE, needs.CHUNK)


@pytest.mark.parametrize(
    ("model", "t", "said"),
    [
        (StillBall(), 0.0, "analyse: a dataset of one scan has no motion to analyse"),
        (DriftingBall(), 1.5, r"export\.times: 1\.5 is outside"),
    ],
)
def test_what_the_model_does_not_have_is_refused(tmp_path, model, t, said):
    with pytest.raises(InputError, match=said):
        analyse_model(model, CERTAIN, Analyse(resolution=20), t, WORLD, outputs(tmp_path))
    assert list(tmp_path.iterdir()) == []
