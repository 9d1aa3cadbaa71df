"""The benchmark of motion: on the tiny scene as a whole, and its figures where they are known."""

import json

import numpy as np
import pytest
import torch
import yaml
from finished_result import DRIFT, make

from benchmarks.motion import figure, ours, peers, scenes, strains, tables
from benchmarks.motion.__main__ import main
from workflow import FORKING_JOBS
from xct4d.analysis.tracking import Followed
from xct4d.analysis.uncertainty import Motions
from xct4d.phantom.truth import Phantom

# a peers' tool: it says what it was given, and its motion is wrong by 0.1
TOOL = """
import json, sys, numpy as np
from pathlib import Path
dataset, (_, truth, _, out) = Path(sys.argv[1]), sys.argv[2:]
assert (dataset / "scene.yaml").is_file()
times = sorted(float(k[3:]) for k in np.load(truth) if k.startswith("mu_"))
rows = [{"method": "sart", "in all": 3.0, "t": t, "corr": 0.9} for t in (0.0, 1.0)]
rows += [{"method": "register", "in all": 4.0, "t": t, "corr": 0.8, "mean": 0.1, "p95": 0.2, "self": 0.7} for t in times[1:]]
Path(out, "scores.json").write_text(json.dumps(rows))
with open(Path(out, "calls"), "a") as file: file.write(".")
"""


# as few jobs as a result is made by
SETTINGS = {
    "canonical": {"steps": 20, "rays": 128, "samples": 32, "grid": {"levels": 2, "log2_size": 10, "finest": 16, "width": 16}, "bake": 32},
    "velocity": {"levels": [{"resolution": 6, "steps": 10, "learning_rate": 0.01}]},
    "export": {"times": [0.5], "resolution": 8, "kinds": ["mixed"]},
    "analyse": {"resolution": 8},
    "evaluate": {"resolution": 8},
}


def test_the_tiny_scene_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "SNAKEMAKE", FORKING_JOBS)
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(SETTINGS))
    arguments = ["--scenes", "tiny", "--settings", str(tmp_path / "settings.yaml"), "--resolution", "24"]
    arguments += ["--work", str(tmp_path / "work"), "--output", str(tmp_path / "motion")]
    main(arguments)
    record = json.loads((tmp_path / "motion.json").read_text())["scenes"]["tiny"]
    for row in record["ours"]["times"]:
        assert 0 < row["mean"] < 2 * row["still"]
        assert row["mean"] <= row["p95"]
        assert 0 < row["held out"] < 1
        assert 0 <= row["trust"]["beyond"] <= 1
    assert [row["t"] for row in record["ours"]["times"]] == record["times"] == [0.25, 0.5, 0.75, 1.0]
    assert 0 < record["ours"]["fitting_cpu_s"] < record["ours"]["cpu_s"]
    assert [row["t"] for row in record["strain"]] == record["times"]
    for row in record["strain"]:
        assert 0 < row["equivalent_strain"]["error"] < 1
        assert row["jacobian"]["deviation"] > 0
    assert "| tiny | **xct4d** |" in (tmp_path / "motion.md").read_text()
    assert "<svg" in (tmp_path / "motion.svg").read_text()

    (tmp_path / "tool.py").write_text(TOOL)  # with peers, nothing of the above is done again
    (tmp_path / "work/tiny/run/log.txt").unlink()
    for _ in range(2):
        main([*arguments, "--peers", str(tmp_path / "tool.py")])
    assert not (tmp_path / "work/tiny/run/log.txt").exists()
    assert (tmp_path / "work/tiny/peers/calls").read_text() == "."
    again = json.loads((tmp_path / "motion.json").read_text())["scenes"]["tiny"]
    assert again["ours"] == record["ours"]
    assert list(again["peers"]) == ["sart", "register"]


@pytest.mark.parametrize(("sign", "wrong"), [(-1, 0.0), (1, 2.0)])
def test_the_error_is_that_of_the_motion(tmp_path, monkeypatch, sign, wrong):
    """A result that drifts, against a scene that drifts alike, and the other way; a scene's displacements pull back."""
    sphere = {"type": "sphere", "center": [0.0, 0.0, 0.0], "radius": 0.5, "rho": 1.0}
    tree = {"object": sphere, "motion": {"type": "rigid", "displacements": (sign * DRIFT).tolist()}, "times": 3}
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(tree | {"views": {"ends": {"azimuths": 3}, "between": {"azimuths": [0]}}}))
    monkeypatch.setattr(ours, "held_out_residual", lambda *_: None)  # there are no projections
    truth = scenes._truth(Phantom.load(tmp_path / "scene.yaml"), (0.0, 0.5, 1.0), 16)
    record = ours.score(make(tmp_path / "results"), (0.5, 1.0), truth)
    for row in record["times"]:
        moved = row["t"] * np.linalg.norm(DRIFT)
        assert row["still"] == pytest.approx(moved, rel=1e-5)
        assert row["mean"] == pytest.approx(wrong * moved, abs=1e-5)


class Stretched:
    """A motion x -> (1 + t s) x, as a phantom and as a velocity field."""

    def __init__(self, s: float):
        self.s = s

    def flow(self, points, start, stop):
        return points * (1 + stop * self.s) / (1 + start * self.s)

    def flow_with_gradient(self, points, start, stop):
        grown = (1 + stop * self.s) / (1 + start * self.s)
        return points * grown, torch.eye(3).repeat(len(points), 1, 1) * grown


def test_the_error_of_strain_is_scored_against_its_deviation():
    points, times = np.random.default_rng(0).uniform(-0.5, 0.5, (40, 3)), (0.5, 1.0)
    motions = Motions(Stretched(0.1), [Stretched(0.09), Stretched(0.11)])
    true = strains.true_paths(Stretched(0.2), points, times)
    rows = strains.scored(Followed.of(Stretched(0.1), motions, torch.from_numpy(points).float(), times), true, times)
    for row, t in zip(rows, times, strict=True):
        volume = row["jacobian"]
        assert volume["true"] == pytest.approx((1 + 0.2 * t) ** 3 - 1, rel=1e-4)
        assert volume["error"] == pytest.approx((1 + 0.2 * t) ** 3 - (1 + 0.1 * t) ** 3, rel=1e-4)
        assert volume["deviation"] == pytest.approx(3 * (1 + 0.1 * t) ** 2 * 0.01 * t, rel=1e-3)
        assert volume["beyond"] == 1
        assert row["equivalent_strain"]["error"] == pytest.approx(0, abs=1e-3)  # a pure change of volume


def test_a_dataset_is_kept_until_its_scene_changes(tmp_path):
    tree = yaml.safe_load((scenes.FOLDER / "tiny.yaml").read_text())
    case = scenes.Case("mine", tmp_path / "mine.yaml", (0.5, 1.0), 0.6)
    case.path.write_text(yaml.safe_dump(tree))
    scenes.place(case, tmp_path / "work", 8)
    (tmp_path / "work/ours.json").write_text("{}")
    scenes.place(case, tmp_path / "work", 8)
    assert (tmp_path / "work/ours.json").is_file()
    case.path.write_text(yaml.safe_dump(tree | {"density_multiplier": 2.0}))
    scenes.place(case, tmp_path / "work", 8)
    assert not (tmp_path / "work/ours.json").exists()
    assert sorted(np.load(tmp_path / "work/truth.npz")) == ["mu_0.000", "mu_0.500", "mu_1.000", "u0_0.000", "u0_0.500", "u0_1.000"]


def test_points_are_those_of_a_48_grid_in_the_material():
    mu = np.zeros((24, 24, 24), np.float32)
    mu[:, :, 12:] = 1.0  # x > 0
    mu[:12] *= 0.09  # z < 0: below a tenth
    inside = scenes.in_material(mu).reshape(48, 48, 48)
    assert inside[30, :, 30].all()
    assert not inside[30, :, 20].any()
    assert not inside[10].any()


def test_a_scene_that_is_not_there_gives_one_line():
    with pytest.raises(SystemExit, match="no scene latice; the benchmark has balls, "):
        scenes.find("latice")


def test_scenes_without_their_voxels_are_left_out(monkeypatch):
    monkeypatch.delenv("XCT4D_DATA", raising=False)
    assert scenes.find("bone") is None
    assert scenes.find("organ").limit == 0.7


def test_a_tool_that_fails_is_named(tmp_path):
    (tmp_path / "tool.py").write_text("raise SystemExit(3)")
    with pytest.raises(SystemExit, match=r"tool.py: failed \(exit status 3\), see"):
        peers.measure(tmp_path / "tool.py", tmp_path, tmp_path)


def test_trust_is_scored():
    scored = ours.trust(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.1, 0.3, 0.4, 0.9]))
    assert scored == {"spearman": pytest.approx(1.0), "beyond": 0.25}


def scene(mean: float, corr: float = 0.95, limit: float = 0.6) -> dict:
    """A scene of one time where the best peer has an error of 0.01 and a p95 of 0.02."""
    own = {"t": 0.5, "still": 0.1, "mean": mean, "p95": 2 * mean, "corr": corr, "self": 0.9, "held out": None, "trust": None}
    peer = {"t": 0.5, "p95": 0.02, "corr": 0.9, "self": None, "held out": None}
    strained = {"true": 0.1, "error": 0.02, "deviation": 0.03, "beyond": 0.04}
    ends = {"cpu_s": 1.0, "times": [{"t": t, "mean": None, "p95": None, "corr": 0.9} for t in (0.0, 1.0)]}
    return {
        "times": [0.5], "limit": limit, "p95_counts": limit == 0.6,
        "ours": {"cpu_s": 9.0, "fitting_cpu_s": 5.0, "scans": {"0": 0.9, "1": 0.9}, "trust": None, "times": [own]},
        "strain": [{"t": 0.5, "equivalent_strain": strained, "jacobian": strained}],
        "peers": {"sart": ends} | {name: {"cpu_s": 1.0, "times": [peer | {"mean": m}]} for name, m in (("pdvc", 0.01), ("register", 0.03))},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("own", "reached"),
    [(scene(0.0059), True), (scene(0.0061), False), (scene(0.0059, corr=0.89), False), (scene(0.0069, 0.5, limit=0.7), True), (scene(0.0071, limit=0.7), False)],
)  # fmt: skip
def test_the_verdict_is_against_the_best_peer(own, reached):
    row = tables.verdicts({"a": own}).splitlines()[2]
    assert "| pdvc |" in row
    assert row.endswith("| yes |" if reached else "| **no** |")


def test_page_and_plot_of_several_scenes(tmp_path):
    record = {"date": "2026-01-01", "machine": "test", "cores": 1, "scenes": {"a": scene(0.005), "b": scene(0.007) | {"peers": {}}}}
    page = tables.page(record)
    assert "| a | nothing moves at t = 0.5 |" in page
    assert "| b | **xct4d** | 9 (5) | .0070 | .0140 | .950 | .900 | - | **-** - |" in page
    assert "| b | .1000 | .0200 | .0300 | .04 | .1000 | .0200 | .0300 | .04 |" in page
    assert "| a | sart | 0.9000 | 0.9000 | 1 (one) |" in page
    figure.draw(record, tmp_path / "a.svg")
    figure.draw(record, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
