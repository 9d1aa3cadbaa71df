"""A region of interest holds the voxels of the whole box that lie in it, at the same coordinates, in every file."""

import numpy as np
import pytest
import torch
import zarr
from evolution_in_closed_form import DriftingBall

from xct4d.analysis.scores import ScoredVolumes
from xct4d.analysis.uncertainty import Motions
from xct4d.config import Analyse, Export
from xct4d.fields.velocity import VelocityField
from xct4d.io.ome_zarr import open_volume
from xct4d.report import model_figures, plots
from xct4d.stages.analyse import analyse_model
from xct4d.stages.convert import convert
from xct4d.stages.export import export_volumes
from xct4d.stages.series import series
from xct4d.units import Scale

N, TIMES = 20, (0.0, 0.5)
SCALE = Scale(5.0, 8.0)
REGION = {"x": [-0.4, 0.42], "y": [-1.0, 0.0], "z": [-0.5, 0.84]}  # 8, 10 and 13 of 20 voxels
WITHIN = (slice(5, 18), slice(0, 10), slice(6, 14))  # along z, y, x


class Turning(DriftingBall):
    """A motion that differs from place to place."""

    def flow(self, points, start, stop):
        x, y, z = points.unbind(-1)
        angle = 0.4 * (stop - start)
        return torch.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z], -1)


def write(folder, region):
    volumes = {}
    still = VelocityField(5, 4, longest_step=0.5, solver="midpoint")
    for t in TIMES:
        volumes["mixed", t] = folder / f"mixed_{t}.zarr"
        volumes["displacement", t] = folder / f"displacement_{t}.zarr"
        export_volumes(Turning(), Export(resolution=N, region=region), t, SCALE, {"mixed": volumes["mixed", t]})
        settings, outputs = Analyse(resolution=N, region=region), {"displacement": volumes["displacement", t]}
        analyse_model(Turning(), Motions(still, [still, still]), settings, t, SCALE, outputs)
    return volumes


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("whole"), {})


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return write(tmp_path_factory.mktemp("part"), REGION)


@pytest.mark.parametrize("name", ["mixed", "displacement"])
@pytest.mark.parametrize("t", TIMES)
def test_a_region_is_that_part_of_the_whole_volume(whole, part, name, t):
    own, box = open_volume(part[name, t]), open_volume(whole[name, t])
    assert np.array_equal(own[:], box[(..., *WITHIN)])
    assert own[:].shape[-3:] == (13, 10, 8)
    for found, all_of_them, block in zip(own.coordinates, box.coordinates, WITHIN, strict=True):
        assert np.allclose(found, all_of_them[block], atol=1e-12)


def test_films_and_formats_say_where_it_lies(part, tmp_path):
    series(part, tmp_path / "series", SCALE)
    convert(part, "ome-zarr-0.4", tmp_path / "old", SCALE)
    convert(part, "vtk", tmp_path / "vtk", SCALE)
    for name, channel in (("mixed", []), ("displacement", [0.0])):
        new = zarr.open_group(tmp_path / "series" / f"{name}.zarr", mode="r").attrs["ome"]
        old = zarr.open_group(tmp_path / "old" / f"{name}.zarr", mode="r").attrs
        for ome in (new, old):
            size, place = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"]
            assert size["scale"] == pytest.approx([4.0, *[1.0 for _ in channel], 0.5, 0.5, 0.5])
            assert place["translation"] == pytest.approx([0.0, *channel, -2.25, -4.75, -1.75])
        image = (tmp_path / "vtk" / name / "t0.5000.vti").read_bytes()
        assert b'Origin="-1.75 -4.75 -2.25 "' in image


def test_a_region_with_as_many_voxels_is_not_scored_for_the_box(tmp_path):
    path = tmp_path / "v.zarr"
    half = {axis: [0.0, 1.0] for axis in "xyz"}
    export_volumes(Turning(), Export(resolution=2 * N, region=half), 0.5, SCALE, {"mixed": path})
    assert open_volume(path).shape == (N, N, N)
    assert ScoredVolumes(Turning(), {"mixed": open_volume(path)}, 0.5, None, N).exported == {}


def test_the_report_draws_it_where_it_lies(whole, part, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "maps", lambda _path, rows, _titles, **_: drawn.append(rows))
    for volumes in (whole, part):
        exported = {key: path for key, path in volumes.items() if key[0] == "mixed"}
        model_figures.draw_volumes(tmp_path / "volumes.png", model_figures.ShownModel(Turning(), SCALE), exported)
    for box, region in zip(*drawn, strict=True):
        for all_of_it, shown in zip(box.images, region.images, strict=True):
            across = WITHIN[: region.axis] + WITHIN[region.axis + 1 :]
            assert shown.shape == all_of_it.shape
            assert np.isfinite(shown[across]).all()
            assert np.isfinite(shown).sum() == np.isfinite(shown[across]).sum()
            if box.position == region.position:
                assert np.array_equal(shown[across], all_of_it[across])
