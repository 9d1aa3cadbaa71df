"""check: what is found in prepared scans, written and said; a bad verdict stops nothing."""

import json

import balls_scan
import numpy as np
import pytest

from xct4d.config import Geometry
from xct4d.directions import STATES
from xct4d.errors import InputError
from xct4d.geometry.views import concatenate
from xct4d.io import prepared
from xct4d.stages.check import check

GIVEN = {state: Geometry() for state in STATES}
MOVED = np.array([0.0, 0.05, 0.12])


def save(folder, times, azimuths, mirror=False, downscale=2, zero=0.0):
    """Prepared projections of the balls, each at its time and azimuth. zero: degrees that are missing in the recorded angles of the stage."""
    cameras = balls_scan.views(azimuths)
    images = np.stack([balls_scan.transmissions(cameras[[i]], balls_scan.CENTRES + t * MOVED)[0] for i, t in enumerate(times)])
    if mirror:
        images = images[:, :, ::-1]
    cameras = balls_scan.views(np.asarray(azimuths) + zero)
    n = len(times)
    folder.mkdir(parents=True)
    frames = prepared.Frames(
        [f"{i}.png" for i in range(n)], np.zeros(n, bool), np.arange(n + 1) * images[0].size, np.arange(n + 1), concatenate([cameras]),
        np.ones(n), np.asarray(times, float), np.rint(images * prepared.FULL_SCALE).astype(np.uint16).ravel(), 1.0, None, None,
    )  # fmt: skip
    prepared.save(frames, folder)
    (folder / "checks.json").write_text(json.dumps({"downscale": downscale}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    times = np.linspace(0.05, 0.95, 8)
    return {
        "forward": save(folder / "forward", np.zeros(12), balls_scan.AZIMUTHS, mirror=True),
        "backward": save(folder / "backward", np.ones(12), balls_scan.AZIMUTHS),
        "right": save(folder / "right", np.zeros(12), balls_scan.AZIMUTHS),
        "between": save(folder / "between", times, 15 + 90.0 * (np.arange(8) % 2)),
    }


def test_both_scans_are_examined_drawn_and_told(folders, tmp_path, capsys):
    check({state: folders[state] for state in ("forward", "backward", "between")}, GIVEN, tmp_path / "check")
    record = json.loads((tmp_path / "check" / "check.json").read_text())
    assert record["forward"]["verdict"] == "wrong"
    assert record["forward"]["mend"] == {"mirror": True}
    assert record["forward"]["margin"] > 3
    assert record["backward"]["verdict"] == "right"
    assert (record["forward"]["section"], record["backward"]["section"]) == ("forward_geometry", "backward_geometry")
    assert (tmp_path / "check" / "geometry_forward.png").stat().st_size > 10_000
    assert (tmp_path / "check" / "geometry_backward.png").is_file()
    said = capsys.readouterr().err
    assert "forward: warning: geometry by pairwise consistency: wrong" in said
    assert "forward: to correct it: input: {forward_geometry: {mirror: true}}" in said
    assert "backward: geometry by pairwise consistency: right" in said


@pytest.fixture
def undrawn(monkeypatch):
    """Without the pictures, of which the first test tells."""
    monkeypatch.setattr("xct4d.stages.check.draw", lambda *_: None)


@pytest.mark.usefixtures("undrawn")
def test_exchanged_scans_are_a_warning(folders, tmp_path, capsys):
    check({"forward": folders["backward"], "backward": folders["right"], "between": folders["between"]}, GIVEN, tmp_path / "check")
    assert json.loads((tmp_path / "check" / "check.json").read_text())["ends"]["exchanged"] is True
    assert "warning: the scans before and after look exchanged" in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
def test_scans_and_a_sequence_with_other_zeros_of_their_angles_are_told(tmp_path, capsys):
    azimuths, times = 10.0 * np.arange(36), np.linspace(0.02, 0.1, 8)
    own = {
        "forward": save(tmp_path / "forward", np.zeros(36), azimuths),
        "backward": save(tmp_path / "backward", np.full(36, 0.1), azimuths, zero=4.65),
    }
    check(own, GIVEN, tmp_path / "scans")
    record = json.loads((tmp_path / "scans" / "check.json").read_text())
    assert record["alignment"]["is_clear"] is True
    assert record["alignment"]["turned_deg"] == pytest.approx(4.65, abs=0.2)
    said = capsys.readouterr().err
    assert "backward: the sample lies turned by 4.6" in said
    assert "input: {backward_geometry: {angle_offset_deg: 4.6" in said
    own["backward"] = save(tmp_path / "same", np.full(36, 0.1), azimuths)
    check(own | {"between": save(tmp_path / "between", times, 15 + 90.0 * (np.arange(8) % 2), zero=-20.0)}, GIVEN, tmp_path / "all")
    record = json.loads((tmp_path / "all" / "check.json").read_text())
    assert record["sequence_turn"]["turned_deg"] == pytest.approx(-20.0, abs=0.3)
    assert "to correct it: input: {between_geometry: {angle_offset_deg: -" in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
def test_shifts_are_in_pixels_of_the_full_image(folders, tmp_path):
    check({"forward": folders["right"]}, GIVEN, tmp_path / "one")
    measured = json.loads((tmp_path / "one" / "check.json").read_text())["forward"]["measured"]
    assert abs(measured["axis_shift_px"]["value"]) < 0.1
    frames = prepared.load(folders["right"])
    frames.views.centre[:, 0] -= 1.5  # of the downscaled image: 3 of the full one
    folder = tmp_path / "shifted"
    folder.mkdir()
    prepared.save(frames, folder)
    (folder / "checks.json").write_text(json.dumps({"downscale": 2}))
    check({"forward": folder}, GIVEN, tmp_path / "two")
    assert json.loads((tmp_path / "two" / "check.json").read_text())["forward"]["mend"]["axis_shift_px"] == pytest.approx(3.0, abs=0.15)


def test_a_damaged_input_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"prepared"):
        check({"forward": tmp_path / "prepared"}, GIVEN, tmp_path / "check")
    assert not (tmp_path / "check").exists()
