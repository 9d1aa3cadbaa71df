"""A plan of an experiment through the real `snakemake` command, and the page that explains it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from workflow import ROOT, jobs, snakemake
from xct4d.io.mapping_files import read_mapping
from xct4d.phantom.scenes import Scene
from xct4d.workflow.plan import plan

PLAN = {
    "datasets": {"tiny": {"input": {"scene": "tiny"}}},
    "sweep": {"setup.sources": [1, 2]},
    "canonical": {"steps": 40, "rays": 128, "samples": 24, "bake": 24, "grid": {"levels": 2, "log2_size": 10, "finest": 16, "width": 16}},
    "velocity": {"levels": [{"resolution": 6, "steps": 10, "learning_rate": 0.01}], "rays": 128, "samples": 24},
    "trust": {"samples": 2},
    "export": {"times": [0.5], "resolution": 16, "kinds": ["mixed"]},
    "evaluate": {"resolution": 24},
}
PAGE = (ROOT / "docs" / "planning.md").read_text()


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A working directory in which a plan of two candidates ran."""
    place = tmp_path_factory.mktemp("plan")
    (place / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    run = snakemake("results/tiny/comparison", "--cores", "1", "--configfile", "plan.yaml", cwd=place, prepared_for=1)
    assert run.returncode == 0, run.stdout + run.stderr
    return place


def rows(place: Path) -> list[dict[str, str]]:
    with open(place / "results/tiny/comparison/comparison.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_each_candidate_is_scored_against_the_known_motion(done):
    found = rows(done)
    assert [(row["setup.sources"], row["projections"], row["times"]) for row in found] == [("1", "3", "3"), ("2", "6", "3")]
    for row in found:
        own = read_mapping(done / "results" / row["result"] / "evaluation" / "metrics.json")["times"][0]
        assert float(row["error_world_unit"]) == pytest.approx(own["displacement_error"]["mean"], rel=1e-5)
        assert float(row["deviation_world_unit"]) == pytest.approx(own["trust"]["displacement_deviation"]["rms"], rel=1e-5)
        assert float(row["displacement_world_unit"]) == pytest.approx(0.043, abs=0.002)
        assert float(row["cpu_minutes"]) > 0
    assert found[0]["error_world_unit"] != found[1]["error_world_unit"]
    assert (done / "results/tiny/comparison/comparison.png").is_file()


def test_the_scans_were_reconstructed_once(done):
    assert {path.parts[-3] for path in done.glob("results/*/canonical/forward")} == {"tiny"}
    assert {path.parts[-2] for path in done.glob("results/*/simulated")} == {"tiny"}
    assert {path.parts[-2] for path in done.glob("results/*/exposed")} == {f"tiny~setup.sources={n}" for n in (1, 2)}


def test_another_candidate_computes_itself_alone(done):
    (done / "more.yaml").write_text(yaml.safe_dump(PLAN | {"sweep": {"setup.sources": [1, 2, 3]}}))
    listed = jobs("results/tiny/comparison", "--configfile", "more.yaml", cwd=done)
    assert {job.split(": ")[0] for job in listed} == {"tiny", "tiny~setup.sources=3"}
    assert [job for job in listed if job.startswith("tiny: ")] == ["tiny: compare"]


def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_page_shows_the_plan_that_is_shipped():
    shown = yaml.safe_load(blocks()[0])
    assert shown == yaml.safe_load((ROOT / "config" / "plan.yaml").read_text())
    datasets = plan(shown, ROOT / "config" / "scenes")
    assert len(datasets["organ"].compared) == 6
    assert datasets["organ"].results() == ["results/organ/comparison"]


def test_the_page_s_scene_of_a_scan_is_a_scene():
    Scene.model_validate(yaml.safe_load(blocks()[1]))


def test_the_page_s_example_is_a_plan():
    datasets = plan(yaml.safe_load(blocks()[2]), ROOT / "config" / "scenes")
    assert len(datasets["tiny"].compared) == 4


def test_the_page_explains_every_key():
    keys = set(re.findall(r"`setup\.(\w+)`", PAGE))
    assert keys == set(plan({"datasets": {"d": {"input": {"scene": "tiny"}}}}, ROOT / "config" / "scenes")["d"].config.setup.model_dump())
