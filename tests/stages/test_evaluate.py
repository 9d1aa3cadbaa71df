"""Scores of a model whose errors are known in closed form."""

import dataclasses
import json
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
from ball_projections import HISTORY, save
from evolution_in_closed_form import CENTRE, DRIFT, RADIUS, BallPhantom, DriftingBall, FollowedBall, StillBall, density
from PIL import Image

from xct4d.analysis import scores
from xct4d.analysis.object_centres import object_centres
from xct4d.analysis.projection_scores import score_projections
from xct4d.analysis.scored_region import ScoredRegion
from xct4d.config import Evaluate, EvaluatedRegion, Export, Truth
from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io import prepared
from xct4d.io.ome_writer import VolumeWriter
from xct4d.io.stage_records import read_history
from xct4d.phantom.measured import MeasuredVolumes
from xct4d.quantities import ATTENUATION
from xct4d.reconstruction.fdk import DoesNotApply
from xct4d.report import tables
from xct4d.stages.evaluate import evaluate_model
from xct4d.stages.export import export_volumes
from xct4d.units import Scale

N = 32


def run(
    tmp_path,
    model,
    *,
    times=(0.0, 0.5, 1.0),
    resolution=N,
    truth=None,
    unit_mm=None,
    duration_s=None,
    histories=None,
    region=None,
    drawn=True,
    **settings,
):
    """drawn: with the figures, which take longer than the scores."""
    volumes = {}
    for t in times:
        outputs = {kind: tmp_path / kind / f"{t}.zarr" for kind in model.kinds}
        export_volumes(model, Export(resolution=resolution), t, Scale(unit_mm), outputs)
        volumes |= {(kind, t): path for kind, path in outputs.items()}
    states = {
        "forward": save(tmp_path / "prepared" / "forward", times=[0.0, 0.0], held_out=[False, True], unit_mm=unit_mm, duration_s=duration_s)
    }
    if not model.static:
        states["between"] = save(
            tmp_path / "prepared" / "between", times=[0.5, 0.75, 0.75], held_out=[True, True, True], unit_mm=unit_mm, duration_s=duration_s
        )
    with nullcontext() if drawn else patch("xct4d.stages.evaluate.draw_scores"):
        evaluate_model(model, volumes, states, truth, Evaluate(resolution=N, **settings), tmp_path / "out", histories or {}, None, region)
    return json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_a_scan_with_flats_of_its_own_is_scored_with_its_brightness(tmp_path):
    states = {}
    for state, times in (("forward", [0.0, 0.0]), ("between", [0.5])):
        folder = save(tmp_path / state, times=times, held_out=[True] * len(times))
        states[state] = prepared.load(folder)
    scan = states["forward"]
    states["forward"] = dataclasses.replace(scan, pixels=(np.asarray(scan.pixels) // 2).astype(np.uint16), flat_field=scan.flat_field / 2)
    record, _ = score_projections(DriftingBall(), states, 0)
    assert min(own["psnr"] for own in record["projections"]) > 90


def sampled(t):
    c = voxel_centres(N)
    return density(grid_points(c, c, c), t)


def test_a_perfect_model_scores_perfectly(tmp_path):
    record = run(tmp_path, DriftingBall(), truth=BallPhantom(), unit_mm=3.0, duration_s=2.0, histories={"canonical forward": HISTORY})
    assert [m["time"] for m in record["times"]] == [0, 0.5, 1]
    for entry in record["times"]:
        assert entry["source"] == {"forward": "export", "backward": "export", "mixed": "export"}
        assert entry["correlation"] == pytest.approx({"forward": 1, "backward": 1, "mixed": 1}, abs=1e-6)
        assert entry["mean_squared_error"] == pytest.approx({"forward": 0, "backward": 0, "mixed": 0}, abs=1e-9)
        assert entry["self_correlation"] == pytest.approx(1, abs=1e-6)
        assert entry["mismatch"] == pytest.approx(0, abs=1e-9)
        for name in ("displacement_error", "displacement_error_to_end", "centre_error"):
            assert entry[name]["mean"] < 1e-6
        assert entry["displacement_error"]["true_mean"] == pytest.approx(entry["time"] * np.linalg.norm(DRIFT))
    held_out = record["held_out"]
    assert held_out["mean"]["count"] == 4
    assert held_out["mean"]["psnr"] > 90  # 16 bit rounding only
    assert held_out["mean"]["ssim"] > 0.9999
    assert min(held_out["mean"][direction]["psnr"] for direction in ("forward", "backward")) > 90
    assert [(t["time"], t["count"]) for t in held_out["times"]] == [(0, 1), (0.5, 1), (0.75, 2)]
    assert record["unit_mm"] == 3
    assert record["duration_s"] == 2
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [
        ".digests.json",
        "attenuation_error.png",
        "correlation.png",
        "held_out.png",
        "metrics.json",
        "slices.png",
        "training.png",
    ]


def test_a_lagging_motion_is_measured(tmp_path):
    """Carried points and centres fall short by a quarter of the drift; the volumes by the shift that this gives them."""
    record = run(tmp_path, DriftingBall(lag=0.75), truth=BallPhantom(), drawn=False)
    start, middle, end = record["times"]
    drift = np.linalg.norm(DRIFT)
    assert middle["displacement_error"]["mean"] == pytest.approx(0.125 * drift, rel=1e-5)
    assert middle["displacement_error"]["p95"] == pytest.approx(0.125 * drift, rel=1e-5)
    assert middle["displacement_error"]["mean_voxels"] == pytest.approx(0.125 * drift * N / 2, rel=1e-5)
    assert middle["displacement_error"]["points"] == pytest.approx(4 / 3 * np.pi * (0.95 * RADIUS) ** 3 * (N / 2) ** 3, rel=0.05)
    assert end["displacement_error"]["mean"] == pytest.approx(0.25 * drift, rel=1e-5)
    assert end["displacement_error_to_end"]["mean"] < 1e-6
    assert start["displacement_error_to_end"]["mean"] == pytest.approx(0.25 * drift, rel=1e-5)
    assert end["centre_error"]["mean"] == pytest.approx(0.25 * drift, rel=1e-5)
    c = voxel_centres(N)
    shifted = density(grid_points(c, c, c) + 0.125 * DRIFT, 0.5)  # forward stays behind
    assert middle["correlation"]["forward"] == pytest.approx(np.corrcoef(shifted, sampled(0.5))[0, 1], abs=1e-4)
    ahead = density(grid_points(c, c, c) - 0.125 * DRIFT, 0.5)
    assert middle["self_correlation"] == pytest.approx(np.corrcoef(shifted, ahead)[0, 1], abs=1e-4)
    assert start["correlation"]["forward"] == pytest.approx(1, abs=1e-6)
    assert start["correlation"]["backward"] < 0.95
    at_start, *between = (t["psnr"] for t in record["held_out"]["times"])
    assert at_start > 90
    assert all(20 < value < 60 for value in between)


def test_a_volume_of_another_resolution_is_evaluated_from_the_model(tmp_path):
    record = run(tmp_path, DriftingBall(), resolution=20, truth=BallPhantom(), times=(0.5,), drawn=False)
    (entry,) = record["times"]
    assert entry["source"] == {"forward": "model", "backward": "model", "mixed": "model"}
    assert entry["correlation"] == pytest.approx({"forward": 1, "backward": 1, "mixed": 1}, abs=1e-6)


def test_the_exported_volume_is_what_is_scored(tmp_path):
    volumes = {("mixed", 0.5): tmp_path / "mixed.zarr"}
    with VolumeWriter(tmp_path / "mixed.zarr", (N, N, N), quantity=ATTENUATION) as writer:
        writer[:] = 2 - sampled(0.5).reshape(N, N, N)
    evaluate_model(
        DriftingBall(),
        volumes,
        {"forward": save(tmp_path / "p", times=[0.0], held_out=[True])},
        BallPhantom(),
        Evaluate(resolution=N),
        tmp_path / "out",
        {},
    )
    (entry,) = json.loads((tmp_path / "out" / "metrics.json").read_text())["times"]
    assert entry["source"] == {"forward": "model", "backward": "model", "mixed": "export"}
    assert entry["correlation"]["mixed"] == pytest.approx(-1, abs=1e-6)
    assert entry["correlation"]["forward"] == pytest.approx(1, abs=1e-6)


def test_slabs_do_not_change_the_scores(tmp_path, monkeypatch):
    whole = run(tmp_path / "a", DriftingBall(gain=1.3, lag=0.9), truth=BallPhantom(), times=(0.5,))
    monkeypatch.setattr(scores, "SLAB_POINTS", 5 * N**2)
    cut = run(tmp_path / "b", DriftingBall(gain=1.3, lag=0.9), truth=BallPhantom(), times=(0.5,))
    for key in ("self_correlation", "correlation", "displacement_error"):
        assert cut["times"][0][key] == pytest.approx(whole["times"][0][key], abs=1e-9)
    pictures = [Image.open(tmp_path / name / "out" / "slices.png").tobytes() for name in ("a", "b")]
    assert pictures[0] == pictures[1]


def test_volumes_measured_at_any_times_are_scored_without_a_motion(tmp_path):
    """At a time that is exported and at one that is not; nothing is known at the others, and nothing of the motion."""
    for t in (0.25, 0.5):
        np.save(tmp_path / f"{t}.npy", sampled(t).reshape(N, N, N).transpose(2, 1, 0))
    truth = Truth(volumes=[{"path": f"{t}.npy", "time": t} for t in (0.5, 0.25)])
    record = run(tmp_path, DriftingBall(lag=0.75), truth=MeasuredVolumes.from_truth(truth, tmp_path), times=(0.0, 0.5))
    known = run(tmp_path / "known", DriftingBall(lag=0.75), truth=BallPhantom(), times=(0.25, 0.5), drawn=False)
    start, quarter, middle = record["times"]
    assert [start["time"], quarter["time"], middle["time"]] == [0, 0.25, 0.5]
    assert start["correlation"] is None and start["mean_squared_error"] is None
    assert quarter["source"] == {"forward": "model", "backward": "model", "mixed": "model"}
    for found, expected in zip((quarter, middle), known["times"], strict=True):
        for key in ("correlation", "mean_squared_error"):
            assert found[key] == pytest.approx(expected[key], abs=1e-6)
        assert "displacement_error" not in found
    assert record["truth"] is True
    assert {"slices.png", "correlation.png", "attenuation_error.png"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_scan_at_rest_has_no_volume_of_another_time(tmp_path):
    np.save(tmp_path / "v.npy", np.ones((4, 4, 4)))
    truth = MeasuredVolumes.from_truth(Truth(volumes=[{"path": "v.npy", "time": 0.5}]), tmp_path)
    with pytest.raises(InputError, match=r"input\.truth\.volumes: a dataset of one scan has no t = 0\.5"):
        run(tmp_path, StillBall(), times=(0.0,), truth=truth)


def test_only_the_region_is_scored(tmp_path):
    """Half of the box: squares of differences, the correlations and the material whose motion is scored are those of that half."""
    box = {"x": [-1, 0], "y": [-1, 1], "z": [-1, 1]}
    model = DriftingBall(gain=1.3, lag=0.9)
    record = run(tmp_path, model, truth=BallPhantom(), times=(0.5,), region=ScoredRegion(EvaluatedRegion(box=box), tmp_path), drawn=False)
    c = voxel_centres(N)
    points = grid_points(c, c, c)
    half = points[:, 0] <= 0
    forward, backward = density(points + 0.05 * DRIFT, 0.5)[half], 1.3 * density(points - 0.05 * DRIFT, 0.5)[half]
    true = sampled(0.5)[half]
    (entry,) = record["times"]
    assert record["region"] == {"box": box}
    assert entry["mismatch"] == pytest.approx(((forward - backward) ** 2).mean(), rel=1e-4)
    assert entry["self_correlation"] == pytest.approx(np.corrcoef(forward, backward)[0, 1], abs=1e-5)
    assert entry["correlation"]["forward"] == pytest.approx(np.corrcoef(forward, true)[0, 1], abs=1e-5)
    assert entry["mean_squared_error"]["backward"] == pytest.approx(((backward - true) ** 2).mean(), rel=1e-4)
    whole = run(tmp_path / "whole", model, truth=BallPhantom(), times=(0.5,), drawn=False)
    assert 0 < entry["displacement_error"]["points"] < whole["times"][0]["displacement_error"]["points"]
    assert whole["region"] is None


def test_each_scan_alone_predicts_held_out_projections_worse_where_it_is_far(tmp_path):
    held_out = run(tmp_path, DriftingBall(lag=0.75), drawn=False)["held_out"]
    at_start, middle, late = held_out["times"]
    assert "forward" not in at_start  # a projection of a scan, of its time alone
    assert held_out["mean"]["forward"]["psnr"] == pytest.approx((middle["forward"]["psnr"] + 2 * late["forward"]["psnr"]) / 3)
    assert middle["forward"]["psnr"] == pytest.approx(middle["backward"]["psnr"], abs=1.0)
    assert late["backward"]["psnr"] > late["forward"]["psnr"]


def test_pixels_that_a_mask_leaves_out_are_not_scored(tmp_path):
    """Half of a held-out projection shows something else."""
    states = {"between": save(tmp_path / "prepared", times=[0.5], held_out=[True])}
    frames = prepared.load(states["between"])
    counts = np.ones(frames.size(0)[::-1], bool)
    counts[:, 12:] = False
    pixels = np.where(counts.ravel(), frames.pixels, 30000).astype(np.uint16)
    for name, mask in (("masked", counts.ravel()), ("whole", None)):
        own = dataclasses.replace(frames, pixels=pixels, counts=mask)
        score = score_projections(DriftingBall(), {"between": own}, 0)[0]["mean"]
        assert (score["psnr"] > 80, score["ssim"] > 0.999) == (name == "masked",) * 2


def test_projections_that_were_trained_on_are_scored_where_asked(tmp_path):
    record = run(tmp_path, StillBall(), times=(0.0,), trained_projections=True, drawn=False)
    assert (record["held_out"]["mean"]["count"], record["trained_on"]["mean"]["count"]) == (1, 1)
    assert record["trained_on"]["mean"]["psnr"] > 90
    assert run(tmp_path / "not", StillBall(), times=(0.0,), drawn=False)["trained_on"] is None


def test_without_truth_self_correlation_remains(tmp_path):
    record = run(tmp_path, DriftingBall(gain=2))
    for entry in record["times"]:
        assert entry["correlation"] is None
        assert entry["self_correlation"] == pytest.approx(1, abs=1e-6)
        assert "displacement_error" not in entry


def test_a_static_dataset_has_one_time_and_no_motion(tmp_path):
    record = run(tmp_path, StillBall(), times=(0.0,), truth=BallPhantom())
    (entry,) = record["times"]
    assert entry["correlation"] == pytest.approx({"forward": 1}, abs=1e-6)
    assert entry["self_correlation"] is None
    assert "displacement_error" not in entry
    assert record["static"] is True
    assert record["held_out"]["mean"]["count"] == 1
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [".digests.json", "held_out.png", "metrics.json", "slices.png"]


def test_without_a_second_scan_the_forward_volumes_and_their_motion_are_scored(tmp_path):
    record = run(tmp_path, FollowedBall(), truth=BallPhantom(), drawn=False)
    assert (record["static"], record["second_scan"]) == (False, False)
    for entry in record["times"]:
        assert entry["correlation"] == pytest.approx({"forward": 1}, abs=1e-6)
        assert entry["self_correlation"] is None
        assert entry["mismatch"] is None
        assert entry["displacement_error"]["mean"] < 1e-6
        assert entry["displacement_error_to_end"] is None
    assert record["held_out"]["mean"]["count"] == 4
    assert "forward" not in record["held_out"]["mean"]  # the result is that of the scan alone


def test_an_empty_model_has_undefined_correlation_in_valid_json(tmp_path):
    class Nothing(DriftingBall):
        def attenuation(self, points, t, kinds):
            return {kind: 0 * values for kind, values in super().attenuation(points, t, kinds).items()}

    record = run(tmp_path, Nothing(), truth=BallPhantom(), times=(0.0, 0.5))
    assert record["times"][0]["correlation"]["mixed"] is None
    assert record["times"][0]["self_correlation"] is None


def test_failures_leave_no_output(tmp_path):
    frames_folder = save(tmp_path / "p", times=[0.0], held_out=[True])
    with pytest.raises(InputError, match="nothing.zarr"):
        evaluate_model(
            DriftingBall(),
            {("mixed", 0.5): tmp_path / "nothing.zarr"},
            {"forward": frames_folder},
            None,
            Evaluate(resolution=N),
            tmp_path / "out",
            {},
        )
    with pytest.raises(InputError, match="one scan"):
        evaluate_model(
            StillBall(), {("mixed", 0.0): tmp_path / "n"}, {"forward": frames_folder}, None, Evaluate(resolution=N), tmp_path / "out", {}
        )
    assert [p.name for p in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("text", ["", "[1]", '{"step": [1]}', '{"step": [1, 2], "loss": [1]}'])
def test_a_damaged_history_is_named(tmp_path, text):
    (tmp_path / "history.json").write_text(text)
    with pytest.raises(InputError, match=r"history\.json: cannot be read"):
        read_history(tmp_path / "history.json")


def test_centres_of_separate_objects():
    description = {
        "type": "object_collection",
        "objects": [
            {"type": "sphere", "center": CENTRE.tolist(), "radius": 0.1},
            {"type": "cylinder", "p0": [0, 0, -1], "p1": [0, 0.5, 1], "radius": 0.1},
            {"type": "box", "xmin": 0, "xmax": 1, "ymin": -1, "ymax": 0, "zmin": 0.5, "zmax": 0.7},
        ],
    }
    assert object_centres(description) == pytest.approx(np.array([CENTRE, [0, 0.25, 0], [0.5, -0.5, 0.6]]))
    assert object_centres({"type": "gyroid"}) is None
    assert object_centres(None) is None
    assert object_centres({"type": "object_collection", "objects": [{"type": "gyroid"}]}) is None


def test_classical_reconstructions_stand_beside_the_canonical_where_they_apply(tmp_path, capsys):
    record = run(tmp_path, StillBall(), times=(0.0,), truth=BallPhantom(), drawn=False, classical=["fdk", "sirt"])
    (scores,) = record["classical"].values()
    assert list(scores) == ["xct4d", "fdk", "sirt"]  # of one projection: they are anything but good
    assert scores["xct4d"]["correlation"] == pytest.approx(1, abs=1e-6)
    assert scores["xct4d"]["psnr"] == record["held_out"]["mean"]["psnr"]
    assert all(0 < own["correlation"] < 1 and own["psnr"] < scores["xct4d"]["psnr"] for name, own in scores.items() if name != "xct4d")
    assert tables.classical(record).rows[1][:2] == ("forward", "FDK")
    with patch("xct4d.reconstruction.fdk.check_circular", side_effect=DoesNotApply("its views are not on a circle")):
        record = run(tmp_path / "other", StillBall(), times=(0.0,), drawn=False, classical=["fdk"])
    assert list(record["classical"]["forward"]) == ["xct4d"]
    assert "FDK does not apply to the forward scan: its views are not on a circle" in capsys.readouterr().err
