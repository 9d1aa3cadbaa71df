"""calibrate: the sequence that later stages read, and what is said of its cameras."""

import json

import numpy as np
import pytest
import squeezed_balls

from xct4d.calibration.between import Calibration, SourceCalibration
from xct4d.calibration.correction import Correction
from xct4d.calibration.pairs import RowDifference
from xct4d.calibration.sources import sources_of
from xct4d.io import prepared
from xct4d.io.stage_records import read_calibration
from xct4d.stages import calibrate as stage

FOUND = Correction(column_px=1.5, row_px=-1.0, angle_deg=0.4, distance=0.01)
UNIT_MM, DOWNSCALED = 8.0, 2


@pytest.fixture
def outputs(tmp_path):
    canonicals = squeezed_balls.make_outputs(tmp_path, squeezed_balls.thing(squeezed_balls.SQUEEZED))
    between = tmp_path / "prepared" / "between"
    record = json.loads((between / "frames.json").read_text()) | {"unit_mm": UNIT_MM}
    (between / "frames.json").write_text(json.dumps(record))
    (between / "checks.json").write_text(json.dumps({"downscale": DOWNSCALED}))
    return between, canonicals


def run(outputs, tmp_path, monkeypatch, *, corrected, sigma=0.01):
    between, canonicals = outputs

    def found(frames, sources, scans, flat_fields):
        of_sources = [
            SourceCalibration(own, FOUND if k else Correction(), np.full(5, sigma), (0.5, 0.1), corrected and k == 1)
            for k, own in enumerate(sources)
        ]
        return Calibration(of_sources, [RowDifference(0, 1, -1.0, 0.01)])

    monkeypatch.setattr(stage, "calibrate_between", found)
    stage.calibrate(between, canonicals, tmp_path / "calibration")
    return (
        prepared.load(between),
        prepared.load(tmp_path / "calibration"),
        json.loads((tmp_path / "calibration/calibration.json").read_text()),
    )


def test_cameras_of_a_corrected_source_move_and_pixels_stay(outputs, tmp_path, monkeypatch, capsys):
    before, after, record = run(outputs, tmp_path, monkeypatch, corrected=True)
    first, second = sources_of(before)
    assert np.array_equal(after.views.camera_to_world[first], before.views.camera_to_world[first])
    assert after.views.centre[second] - before.views.centre[second] == pytest.approx(np.tile([1.5, -1.0], (len(second), 1)))
    assert np.array_equal(after.pixels, before.pixels)
    assert [source["corrected"] for source in record["sources"]] == [False, True]
    measured = record["sources"][1]["measured"]
    assert measured["column_px"] == 1.5 * DOWNSCALED  # of the full image
    pixel = 4 / before.views.focal[0, 0] * UNIT_MM  # on the rotation axis
    assert measured["column_mm"] == pytest.approx(1.5 * pixel)
    assert measured["distance_mm"] == pytest.approx(0.01 * 4 * UNIT_MM)
    assert record["rows_by_pairs"] == [{"first": 0, "second": 1, "row_px": -2.0, "sigma": 0.02}]
    said = capsys.readouterr().err
    [line] = read_calibration(tmp_path / "calibration" / "calibration.json")
    assert line.startswith("4 projections from train_1.png on are corrected: the beam meets the detector 3 (+- 0.02) px further right")
    assert line in said


def test_where_nothing_is_significant_nothing_changes(outputs, tmp_path, monkeypatch):
    between, _ = outputs
    _, _, record = run(outputs, tmp_path, monkeypatch, corrected=False)
    for name in ("projections.npy", "frames.json"):
        same = json.loads((between / name).read_text()) == json.loads((tmp_path / "calibration" / name).read_text()) if name.endswith("json") else (
            (between / name).read_bytes() == (tmp_path / "calibration" / name).read_bytes()
        )  # fmt: skip
        assert same, name
    assert record["lines"] == ["nothing speaks against the cameras of the sequence: they stay as the files have them"]


def test_what_could_not_be_measured_is_said(outputs, tmp_path, monkeypatch):
    _, _, record = run(outputs, tmp_path, monkeypatch, corrected=False, sigma=np.inf)
    assert record["lines"][0].startswith("too few times near the scans")
    assert record["sources"][0]["sigma"]["column_px"] is None
