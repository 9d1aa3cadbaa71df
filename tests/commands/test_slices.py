"""`xct4d slices` on a finished result."""

import numpy as np
import pytest
import tifffile

from xct4d import open as open_result
from xct4d.commands import slices
from xct4d.commands.main import main
from xct4d.geometry.box import voxel_centres

N = 10


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(slices, "SLAB", 4)  # which does not divide N


@pytest.mark.parametrize("axis", ["z", "y", "x"])
def test_planes_are_the_model_s_with_the_later_axis_up(results, tmp_path, axis):
    arguments = ["forward", "--axis", axis, "--times", "0.3", "--resolution", str(N), "--output", str(tmp_path)]
    assert main(["slices", str(results / "known"), *arguments]) == 0
    stack = tifffile.imread(tmp_path / f"forward_{axis}_t0.3000.tif")
    opened = open_result(results / "known")
    half = opened.scale.unit_mm or 1.0
    centres = half * voxel_centres(N)
    order = {"z": (2, 1, 0), "y": (1, 2, 0), "x": (0, 2, 1)}[axis]  # which of x, y, z are planes, rows and columns
    plane, row, column = 7, 2, 4
    place = np.empty(3)
    place[list(order)] = centres[plane], centres[N - 1 - row], centres[column]
    assert stack.shape == (N, N, N)
    assert stack[plane, row, column] == pytest.approx(float(opened.attenuation(place, 0.3, "forward")), abs=1e-4)
    everywhere = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), -1)
    known = opened.attenuation(everywhere.reshape(-1, 3), 0.3, "forward").reshape(N, N, N).transpose(order)[:, ::-1]
    assert np.abs(stack - known).max() < 1e-3
    assert known.std() > 0


def test_several_times_and_a_quantity_of_the_motion(results, capsys):
    assert main(["slices", str(results / "known"), "displacement", "--times", "0", "1", "--resolution", str(N)]) == 0
    paths = capsys.readouterr().out.split()
    assert [path.rpartition("/")[2] for path in paths] == ["displacement_y_t0.0000.tif", "displacement_y_t1.0000.tif"]
    still, moved = (tifffile.imread(path) for path in paths)
    assert np.isnan(still).any()
    assert np.nanmax(still) == 0
    assert np.nanmax(moved) > 0


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("still", ["--times", "0.5"], "--times: a dataset of one scan has no time but 0"),
        ("known", ["--times", "0.5", "1.5"], "--times: times lie from 0 to 1, not at 1.5"),
        ("known", ["--times", "0.5", "--resolution", "0"], "--resolution: must be at least 1, not 0"),
        ("known", ["speed", "--times", "0.5"], "WHAT: speed cannot be shown"),
        ("followed", ["backward", "--times", "0.5"], "has no backward; take forward"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(results, capsys, name, arguments, said):
    assert main(["slices", str(results / name), *arguments]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
