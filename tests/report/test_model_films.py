"""Slices, strain and volumes over time, of models whose values are known."""

import numpy as np
import pytest
import torch
from evolution_in_closed_form import CENTRE, DRIFT, RADIUS, BallPhantom, DriftingBall, StillBall
from test_films import decoded

from xct4d.analysis.uncertainty import Motions, attenuation_on_grid
from xct4d.config import Export
from xct4d.fields.velocity import VelocityField
from xct4d.report import motion_film, planes, slice_film
from xct4d.report.films import NOTHING
from xct4d.report.model_figures import PIXELS, ShownModel
from xct4d.report.volume_view import SIDE, coarse, volume_views
from xct4d.stages.export import export_volumes
from xct4d.units import Scale

STRETCH = np.array([[1.1, 0.05, 0.0], [0.0, 0.9, 0.0], [0.0, 0.0, 1.2]])


def drifting(by):
    """A velocity field that is the same everywhere."""
    field = VelocityField(9, 4, longest_step=0.25, solver="midpoint")
    with torch.no_grad():
        field.control[:] = torch.tensor(by)
    return field


class Drifting(DriftingBall):
    velocity = drifting(DRIFT)


def test_slices_show_the_result_the_truth_and_both_differences():
    film = slice_film.slice_film(ShownModel(DriftingBall(gain=1.5), Scale(2.0)), [0.0, 1.0], BallPhantom())
    assert film.columns == 4
    assert [panel.label.partition(",")[0] for panel in film.panels] == ["result", "truth", "error", "backward - forward"] * 3
    attenuation, difference = film.scales
    assert attenuation.label == "attenuation (1/mm)"
    assert difference.low == -difference.high
    result, truth, error, disagreement = (panel.images for panel in film.panels[:4])
    assert result[0] == truth[0]  # mixed is forward at t = 0, which is the truth
    assert np.ptp(decoded(error[0]), axis=(0, 1)).max() < 5  # one colour, but for its compression
    assert np.ptp(decoded(error[1])) > 50  # backward, half as large again
    assert np.ptp(decoded(disagreement[0])) > 50


def test_times_without_a_measured_volume_are_grey(monkeypatch):
    monkeypatch.setattr(slice_film, "PIXELS", 40)
    monkeypatch.setattr(BallPhantom, "knows", lambda _, t: t == 1.0)
    film = slice_film.slice_film(ShownModel(DriftingBall(), Scale()), [0.0, 1.0], BallPhantom())
    for panel in (film.panels[1], film.panels[2]):  # truth and error
        assert np.ptp(decoded(panel.images[0])) < 5
        assert abs(int(decoded(panel.images[0]).mean()) - NOTHING) < 5
    assert np.ptp(decoded(film.panels[1].images[1])) > 50
    nowhere = slice_film.slice_film(ShownModel(DriftingBall(), Scale()), [0.0], BallPhantom())
    assert "truth" not in [panel.label.partition(",")[0] for panel in nowhere.panels]


def test_a_scan_at_rest_has_its_slices_alone():
    film = slice_film.slice_film(ShownModel(StillBall(), Scale()), [0.0], None)
    assert (film.columns, len(film.panels)) == (1, 3)
    assert "Backward" not in film.caption


def test_strain_of_material_that_has_moved_is_that_of_its_motion():
    """x = F X: carried back by the inverse of F, whatever the place."""
    back = torch.from_numpy(np.linalg.inv(STRETCH)).float()
    points = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    found = motion_film.strains(lambda x, t, start: (x @ back.T, back.expand(len(x), 3, 3)), points, 0.5)
    stretch = np.log(np.linalg.eigvalsh(STRETCH.T @ STRETCH)) / 2
    assert found["volume change"] == pytest.approx(np.linalg.det(STRETCH) - 1, abs=1e-5)
    assert found["equivalent strain"] == pytest.approx(np.sqrt(2 / 3 * ((stretch - stretch.mean()) ** 2).sum()), abs=1e-5)


def test_deviations_are_those_of_the_samples():
    """Two motions 0.01 (1, 1, 1) faster and slower than the fitted one: no strain, and a spread that grows with time."""
    model = ShownModel(Drifting(), Scale(2.0))
    motions = Motions(drifting(DRIFT), [drifting(DRIFT + 0.01), drifting(DRIFT - 0.01)])
    plane = planes.perpendicular(model.evolution, PIXELS)[0]
    deviation = motions.deviation(0.5, attenuation_on_grid(model.evolution, 0.5))
    maps = motion_film.maps_of(model, motions, deviation, plane, 0.5, 0.3)
    inside = np.isfinite(maps.values["displacement"])
    assert 0 < inside.sum() < inside.size
    assert maps.values["displacement"][inside] == pytest.approx(2 * 0.5 * np.linalg.norm(DRIFT), rel=1e-4)
    assert maps.deviations["displacement"][inside] == pytest.approx(2 * 0.5 * 0.01 * np.sqrt(3), rel=1e-3)
    for name in ("volume change", "equivalent strain"):
        assert np.abs(maps.values[name][inside]).max() < 1e-4
        assert maps.deviations[name][inside].max() < 1e-4


def test_every_quantity_stands_beside_its_deviation():
    motions = Motions(drifting(DRIFT), [drifting(DRIFT + 0.01)])
    film = motion_film.motion_film(ShownModel(Drifting(), Scale(2.0)), motions, [0.0, 1.0])
    assert [scale.label for scale in film.scales] == [
        "displacement (mm)", "deviation of displacement (mm)", "volume change", "deviation of volume change",
        "equivalent strain", "deviation of equivalent strain",
    ]  # fmt: skip
    assert film.scales[0].high == pytest.approx(2 * np.linalg.norm(DRIFT), rel=1e-3)
    assert len(film.panels) == 3 * film.columns
    assert all(len(panel.images) == 2 for panel in film.panels)
    assert motion_film.motion_film(ShownModel(Drifting(), Scale()), None, [0.0]).columns == 3


@pytest.fixture
def volumes(tmp_path):
    times = {0.0: tmp_path / "0.zarr", 1.0: tmp_path / "1.zarr"}
    for t, path in times.items():
        export_volumes(DriftingBall(), Export(resolution=192), t, Scale(2.0), {"mixed": path})
    return times


def test_the_volume_that_is_turned_is_the_exported_one(volumes):
    view, film = volume_views(volumes, Scale(2.0))
    assert view.shape == (SIDE,) * 3
    assert view.size == (1.0, 1.0, 1.0)
    image = decoded(view.images[1])[..., 0]
    tiles = image.reshape(-1, SIDE, view.columns, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)[:SIDE]
    centre = np.array(np.unravel_index(np.argmax(tiles), tiles.shape)[::-1])
    assert (centre + 0.5) * 2 / SIDE - 1 == pytest.approx(CENTRE + DRIFT, abs=3 * 2 / SIDE)
    assert 0.2 < view.surface < 0.8
    assert film.scales[0].label.endswith("(1/mm)")


def test_a_maximum_projection_is_the_largest_value_along_its_axis(volumes):
    _, film = volume_views(volumes, Scale(2.0))
    for panel in film.panels:
        image = decoded(panel.images[0])[::-1, :, 0]
        places = {"x": CENTRE[0], "y": CENTRE[1], "z": CENTRE[2]}
        grid = (np.arange(SIDE) + 0.5) * 2 / SIDE - 1
        distance = np.hypot(grid[None] - places[panel.view.right], grid[:, None] - places[panel.view.up])
        expected = np.clip(1 - distance / RADIUS, 0, None) * 255
        assert np.abs(image - expected).mean() < 4
        assert panel.view.width == pytest.approx(4)  # mm


def test_the_coarsest_level_that_is_fine_enough_is_read(volumes):
    assert coarse(volumes[0.0]).shape == (96,) * 3
