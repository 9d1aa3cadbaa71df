"""`xct4d track` on a finished result whose motion is a steady drift."""

import csv

import numpy as np
import pytest
import tifffile
from finished_result import DRIFT
from PIL import Image

from xct4d.commands.main import main


def tracked(folder):
    with open(folder / "tracks.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_points_are_followed_in_mm_and_s(results, tmp_path, capsys):
    (tmp_path / "points.csv").write_text("name,x,y,z\na,0,0,0\nb,0.6,-0.3,1.2\n")
    assert main(["track", str(results / "known"), str(tmp_path / "points.csv")]) == 0
    rows = tracked(results / "known/tracked/points")
    assert [(row["name"], float(row["t"])) for row in rows] == [(name, t) for name in "ab" for t in (0, 0.25, 0.5, 0.75, 1)]
    for row in rows:
        t, start = float(row["t"]), np.array([0, 0, 0] if row["name"] == "a" else [0.6, -0.3, 1.2])
        assert float(row["time_s"]) == pytest.approx(8 * t)
        assert [float(row[axis]) for axis in "xyz"] == pytest.approx(start + 3 * t * DRIFT, abs=1e-5)
        assert [float(row[f"displacement_{axis}"]) for axis in "xyz"] == pytest.approx(3 * t * DRIFT, abs=1e-5)
        assert [float(row[f"displacement_{axis}_deviation"]) for axis in "xyz"] == pytest.approx(
            [3 * 0.01 * t] * 3, abs=1e-5
        )  # of the samples
        assert float(row["jacobian"]) == pytest.approx(1, abs=1e-5)
        assert float(row["equivalent_strain"]) == pytest.approx(0, abs=1e-5)
    said = capsys.readouterr().out
    assert f"a: at the end moved by {3 * np.linalg.norm(DRIFT):.3g} +- " in said
    with Image.open(results / "known/tracked/points/tracks.png") as image:
        assert image.width > 800
    assert (results / "known/tracked/points/tracks.pdf").read_bytes().startswith(b"%PDF")


def test_gauges_of_a_drift_keep_their_length(results, tmp_path, capsys):
    (tmp_path / "gauges.csv").write_text("name,x1,y1,z1,x2,y2,z2\nacross,0,0,0,0.6,0,0.8\n")
    assert main(["track", str(results / "known"), str(tmp_path / "gauges.csv"), "--output", str(tmp_path / "out")]) == 0
    for row in tracked(tmp_path / "out"):
        assert float(row["length"]) == pytest.approx(1.0, abs=1e-5)
        assert float(row["logarithmic_strain"]) == pytest.approx(0.0, abs=1e-5)
    assert "across: 1 mm long, logarithmic strain at the end" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("known", "x,y,z\n0,0,3.5", "1: lies outside the box, which ends at 3 mm from its centre"),
        ("known", "x1,y1,z1,x2,y2,z2\n0,0,1,0,0,1", "1: has both ends at one place"),
        ("still", "x,y,z\n0,0,0", "a dataset of one scan has no motion"),
        ("none", "x,y,z\n0,0,0", "does not exist"),
    ],
)
def test_what_cannot_be_followed_is_told_in_one_line(results, tmp_path, capsys, name, text, said):
    (tmp_path / "t.csv").write_text(text)
    assert main(["track", str(results / name), str(tmp_path / "t.csv")]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_regions_have_a_mean_a_spread_and_a_histogram(results, tmp_path, capsys):
    (tmp_path / "boxes.csv").write_text("name,x_from,x_to,y_from,y_to,z_from,z_to\nleft,-3,0,-3,3,-3,3\n")
    assert main(["track", str(results / "known"), str(tmp_path / "boxes.csv"), "--output", str(tmp_path / "out")]) == 0
    rows = tracked(tmp_path / "out")
    assert [float(row["t"]) for row in rows] == [0, 0.25, 0.5, 0.75, 1]
    for row in rows:
        assert 100 < int(row["points"]) <= 8000
        assert float(row["equivalent_strain"]) == pytest.approx(0, abs=1e-5)
        assert float(row["jacobian"]) == pytest.approx(1, abs=1e-5)
        assert float(row["jacobian_spread"]) == pytest.approx(0, abs=1e-3)
    with open(tmp_path / "out/histograms.csv", newline="") as file:
        parts = [float(row["part"]) for row in csv.DictReader(file) if row["quantity"] == "jacobian" and row["t"] == "1"]
    assert sum(parts) == pytest.approx(1, abs=1e-4)
    assert "left: " in capsys.readouterr().out


def test_labels_are_regions(results, tmp_path):
    labels = np.zeros((10, 12, 14), np.uint8)
    labels[2:5, 3:6, 4:9], labels[7, 7, 7] = 1, 3
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    assert main(["track", str(results / "known"), str(tmp_path / "labels.tif"), "--output", str(tmp_path / "out")]) == 0
    assert [(row["name"], row["points"]) for row in tracked(tmp_path / "out")][::5] == [("1", "45"), ("3", "1")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0,0,-1,1,-1,1", "1: must rise from each _from to its _to"),
        ("-1,1,-1,1,2,4", "1: reaches out of the reconstructed box, which ends at 3 mm from its centre"),
    ],
)
def test_boxes_that_are_none_are_told_in_one_line(results, tmp_path, capsys, text, said):
    (tmp_path / "t.csv").write_text("x_from,x_to,y_from,y_to,z_from,z_to\n" + text)
    assert main(["track", str(results / "known"), str(tmp_path / "t.csv")]) == 1
    assert said in capsys.readouterr().err
