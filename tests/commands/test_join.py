"""`xct4d join` on finished results whose motion is a steady drift: two segments, three scans."""

import json
import shutil

import numpy as np
import pytest
import zarr
from finished_result import DRIFT, TIMES, make

from xct4d.commands.join import join
from xct4d.commands.main import main
from xct4d.units import Scale

WRONG = np.array([0.03, 0.0, 0.04])  # world units by which the truth of the first segment differs from the drift: 0.05 long
BALL = {"type": "sphere", "center": [0.0, 0.1, 0.0], "radius": 0.3, "rho": 1.0}


def truth(folder, drift):
    """The configuration of a dataset in a folder, which is written, whose ball truly moves by `drift`."""
    folder.mkdir()
    (folder / "ball.json").write_text(json.dumps(BALL))
    motion = {"type": "rigid", "displacements": (-drift).tolist()}
    return {"input": {"folder": str(folder), "truth": {"object": {"path": "ball.json"}, "motion": motion}}}


def scored(psnr):
    """What metrics.json says of one segment."""
    error = {"mean": 0.01, "p95": 0.02, "max": 0.03, "mean_voxels": 0.1, "p95_voxels": 0.2, "points": 9, "true_mean": 0.1}
    trust = {"verdict": "determined", "normalised_residual": 1.0, "displacement_deviation": {"rms": 0.01, "p95": 0.02}, "uncertain": 0.0}
    entries = [
        {"time": t, "self_correlation": 0.9 + t / 20, "mismatch": 0.1, "correlation": {"mixed": 0.9}, "mean_squared_error": {"mixed": 0.1}}
        | {"displacement_error": error, "trust": trust}
        for t in TIMES
    ]
    held_out = {"projections": [{"state": "between", "name": "a", "time": 0.5, "psnr": psnr, "ssim": 0.9}]}
    return {"resolution": 16, "static": False, "truth": True, "unit_mm": None, "duration_s": None, "times": entries, "held_out": held_out}


def segment(results, name, *, number, scale=Scale(), drift=DRIFT, psnr=30.0):  # noqa: B008 - frozen
    root = make(results, name, first_scan=number, scale=scale)
    (root / "evaluation/metrics.json").write_text(json.dumps(scored(psnr)))
    path = root / "report/result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"configuration": truth(root / "data", drift)}))
    return root


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """Folders of two segments that share the scan in the middle; the truth of the first differs from its drift."""
    results = tmp_path_factory.mktemp("results")
    return [segment(results, "test_1", number=0, drift=DRIFT + WRONG), segment(results, "test_2", number=1, psnr=20.0)]


@pytest.fixture(scope="module")
def joined(segments):
    return join(segments)


def test_the_film_is_the_same_files_at_the_times_of_the_experiment(segments, joined):
    assert joined.folder == segments[0].parent / "test_1_to_test_2"
    film = zarr.open_group(joined.folder / "series/mixed.zarr", mode="r")
    assert film.attrs["xct4d"]["times"] == [0.0, 0.25, 0.5, 0.75, 1.0]
    sources = [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5), (1, 1.0)]
    for frame, (index, t) in enumerate(sources):
        volume = segments[index] / f"volumes/mixed/t{t:.4f}.zarr/0/c"
        chunks = [path for path in volume.rglob("*") if path.is_file()]
        assert chunks
        for chunk in chunks:
            assert chunk.samefile(joined.folder / f"series/mixed.zarr/0/c/{frame}" / chunk.relative_to(volume))


def test_displacement_is_scored_since_the_first_scan_of_all(joined):
    entries = json.loads((joined.folder / "evaluation/metrics.json").read_text())["times"]
    assert [(own["time"], own["segment"]) for own in entries] == [
        (0.0, "test_1"), (0.25, "test_1"), (0.5, "test_1"), (0.5, "test_2"), (0.75, "test_2"), (1.0, "test_2"),
    ]  # fmt: skip
    errors = [own["displacement_error"]["mean"] for own in entries]
    assert errors == pytest.approx([0.0, 0.025, 0.05, 0.05, 0.05, 0.05], abs=1e-5)  # the second segment adds none of its own
    moved = [np.linalg.norm(t * (DRIFT + WRONG)) for t in (0.0, 0.5, 1.0)] + [np.linalg.norm(DRIFT + WRONG + t * DRIFT) for t in TIMES]
    assert [own["displacement_error"]["true_mean"] for own in entries] == pytest.approx(moved, abs=1e-5)
    assert {own["segment_displacement_error"]["mean"] for own in entries} == {0.01}


def test_one_evaluation_and_one_page_hold_both_segments(segments, joined):
    metrics = json.loads((joined.folder / "evaluation/metrics.json").read_text())
    assert [(one["time"], one["psnr"]) for one in metrics["held_out"]["times"]] == [(0.25, 30.0), (0.75, 20.0)]
    assert metrics["held_out"]["mean"]["psnr"] == 25.0
    assert metrics["segments"][1]["first_scan_and_last_before"] == pytest.approx(1.0)
    page = (joined.folder / "report/report.html").read_text()
    for folder in segments:
        assert f'href="../../{folder.name}/report/report.html"' in page
    assert "4D reconstruction of 3 scans" in page
    assert {path.name for path in (joined.folder / "evaluation").glob("*.png")} == {"correlation.png", "attenuation_error.png"}


def test_segments_last_as_long_as_their_durations(tmp_path, capsys):
    folders = [segment(tmp_path, "a", number=0, scale=Scale(2.0, 3.0)), segment(tmp_path, "b", number=1, scale=Scale(2.0, 9.0))]
    assert main(["join", *map(str, folders), "--output", str(tmp_path / "all")]) == 0
    film = zarr.open_group(tmp_path / "all/series/mixed.zarr", mode="r").attrs["xct4d"]
    assert film["times"] == [0.0, 0.125, 0.25, 0.625, 1.0]
    assert film["seconds"] == [0.0, 1.5, 3.0, 7.5, 12.0]
    assert "b: t = 0.25 to 1; its first scan and the last one before have a correlation of 1.0000" in capsys.readouterr().out
    assert main(["join", *map(str, folders), "--output", str(tmp_path / "all")]) == 0  # takes the place of the older one


@pytest.mark.parametrize(
    ("number", "scale", "said"),
    [
        (7, Scale(), "does not begin with the scan that ends"),
        (1, Scale(2.0), "have boxes of different size: unknown, 2 mm a world unit"),
        (1, Scale(None, 3.0), "have durations that are not all known: unknown, 3 s"),
    ],
)
def test_what_does_not_follow_is_refused_in_one_line(tmp_path, segments, capsys, number, scale, said):
    other = segment(tmp_path, "other", number=number, scale=scale)
    third = [str(segment(tmp_path, "third", number=1))] if number == 7 else []
    capsys.readouterr()
    assert main(["join", str(segments[0]), str(other), *third]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_wrong_order_one_result_one_scan_and_filled_folders_are_refused(tmp_path, segments, capsys):
    still = make(tmp_path, "still", static=True)
    (tmp_path / "filled/prepared").mkdir(parents=True)
    first, second = map(str, segments)
    capsys.readouterr()
    for arguments, said in (
        ([second, first], f"{first}: does not begin with the scan that ends {second}"),
        ([first], "is one result; there is nothing to join"),
        ([first, str(still)], f"{still}: is of one scan: nothing moves"),
        ([first, second, "--output", str(tmp_path / "filled")], f"{tmp_path / 'filled'}: holds something else"),
    ):
        assert main(["join", *arguments]) == 1
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1


def test_without_a_known_motion_nothing_is_said_of_it(tmp_path, segments):
    folders = [shutil.copytree(folder, tmp_path / folder.name) for folder in segments]
    for folder in folders:
        path = folder / "report/result.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"configuration": {"input": {"folder": "data"}}}))
    found = join(folders, tmp_path / "all")
    entries = json.loads((found.folder / "evaluation/metrics.json").read_text())["times"]
    assert {own["displacement_error"] for own in entries} == {None}
