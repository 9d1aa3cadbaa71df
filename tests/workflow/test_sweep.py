"""Sweeps: which variants there are, which stages they share, and what a wrong sweep says."""

from __future__ import annotations

from collections import Counter

import pytest
import yaml
from tiny_dataset import make

from workflow import ROOT, jobs, snakemake
from xct4d.errors import InputError
from xct4d.workflow.plan import plan

SCENES = ROOT / "config" / "scenes"


def planned(sweep, **sections):
    return plan({"datasets": {"d": {"input": {"scene": "tiny"}}}, "sweep": sweep, **sections}, SCENES)


def test_two_rates_share_all_but_the_velocity_and_what_follows(tmp_path):
    tree = {
        "datasets": {"d": {"input": {"scene": "tiny"}}},
        "sweep": {"velocity.schedule.final": [0.0001, 0.0002]},
        "export": {"times": [0.5]},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    listed = Counter(job.split(": ")[0] + ": " + job.split(": ")[1].split(" ")[0] for job in jobs("--configfile", "c.yaml", cwd=tmp_path))
    shared = {
        "d: simulate": 1,
        "d: prepare": 3,
        "d: canonical": 2,
        "d: calibrate": 1,
        "d: register": 1,
        "d: check": 1,
        "d: compare": 1,
    }  # of which one rate is the default, so d itself
    own = {
        f"{name}: {stage}": count
        for name in ("d", "d~velocity.schedule.final=0.0002")
        for stage, count in (("velocity", 3), ("trust", 1), ("export", 1), ("analyse", 1), ("evaluate", 1), ("report", 1))
    }
    assert listed == shared | own


def test_a_level_is_shared_by_variants_that_differ_in_a_finer_one():
    datasets = planned({"velocity.levels.1.steps": [100, 200]})
    variant = datasets["d~velocity.levels.1.steps=200"]
    assert variant.outputs("velocity") == [
        "results/d/velocity/6",
        f"results/{variant.name}/velocity/9",
        f"results/{variant.name}/velocity/15",
    ]
    assert [level.steps for level in variant.config.velocity.levels] == [300, 200, 250]
    assert not datasets["d"].target


@pytest.mark.parametrize(
    ("key", "stage"),
    [
        ("prepare.downscale", "prepare"), ("canonical.steps", "canonical"), ("seed", "canonical"), ("velocity.rays", "velocity"),
        ("refinement.steps", "refine"),
        ("mixing.alpha", "mixing"), ("export.resolution", "export"), ("evaluate.resolution", "evaluate"),
    ],
)  # fmt: skip
def test_a_value_reaches_its_stage_and_those_after_it(key, stage):
    values = [0.75, 0.25] if key == "mixing.alpha" else [64, 32]
    variant = next(dataset for dataset in planned({key: values}).values() if dataset.target)
    stages = ["simulate", "prepare", "canonical", "velocity", "refine", "mixing", "export", "evaluate", "report"]
    shared = stages[: stages.index(stage)]
    assert [variant.variant.home(each).name for each in stages] == ["d"] * len(shared) + [variant.name] * (len(stages) - len(shared))


def test_combinations_share_what_agrees():
    datasets = planned({"canonical.steps": [7, 8], "velocity.rays": [16, 32]})
    targets = [dataset for dataset in datasets.values() if dataset.target]
    assert [target.name for target in targets] == [
        f"d~canonical.steps={steps},velocity.rays={rays}" for steps in (7, 8) for rays in (16, 32)
    ]
    assert {target.variant.home("canonical").name for target in targets} == {"d~canonical.steps=7", "d~canonical.steps=8"}
    assert datasets["d~canonical.steps=7"].config.canonical.steps == 7


def test_sweeps_over_other_keys_have_other_folders():
    keys = ["velocity.levels.0.learning_rate", "velocity.levels.1.learning_rate", "canonical.schedule.learning_rate"]
    names = {dataset.name for key in keys for dataset in planned({key: [0.02]}).values() if dataset.target}
    assert names == {f"d~{key}=0.02" for key in keys}


def test_the_value_that_a_dataset_has_anyway_is_the_dataset_itself():
    datasets = planned({"canonical.steps": [7, 8]}, canonical={"steps": 7})
    assert {name: dataset.target for name, dataset in datasets.items()} == {"d": True, "d~canonical.steps=8": True}


def test_set_ups_of_the_sequence_share_the_scans_and_their_reconstructions(tmp_path):
    tree = {
        "datasets": {"d": {"input": {"scene": "tiny"}}},
        "sweep": {"setup.sources": [1, 2], "setup.times": [4, 6]},
        "velocity": {"levels": [{"resolution": 6, "steps": 5, "learning_rate": 0.01}]},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    run = jobs("results/d/comparison", "--configfile", "c.yaml", cwd=tmp_path)
    listed = Counter(" ".join(job.replace("~", " ~").split()[:1] + job.split(": ")[1].split()[:1]) for job in run)
    once = {"d: simulate": 1, "d: prepare": 2, "d: canonical": 2, "d: compare": 1}
    each = {f"d {stage}": 4 for stage in ("expose", "prepare", "calibrate", "register", "velocity", "trust", "evaluate")}
    assert {job: count for job, count in listed.items() if job != "d export"} == once | each
    assert {job for job in run if "compare" in job} == {"d: compare"}


def test_set_ups_share_their_scans_with_other_values_that_do_not_reach_them():
    datasets = planned({"setup.times": [5, 7], "canonical.steps": [3, 4]})
    variant = next(own for name, own in datasets.items() if name == "d~setup.times=5,canonical.steps=3")
    assert variant.outputs("prepare") == [
        "results/d/prepared/forward",
        "results/d/prepared/backward",
        "results/d~setup.times=5/prepared/between",
    ]
    assert variant.outputs("canonical") == [
        "results/d~canonical.steps=3/canonical/forward",
        "results/d~canonical.steps=3/canonical/backward",
    ]
    assert variant.outputs("expose") == ["results/d~setup.times=5/exposed"]
    assert variant.outputs("register") == [f"results/{variant.name}/registration"]
    assert variant.outputs("simulate") == ["results/d/simulated"]


def test_variants_are_compared_where_they_are_several():
    compared = planned({"setup.sources": [1, 2]}, setup={"sources": 2})["d"]
    assert compared.compared == {"d~setup.sources=1": {"setup.sources": 1}, "d": {"setup.sources": 2}}
    assert compared.target
    assert planned({"setup.sources": [1, 3]})["d"].results() == ["results/d/comparison"]
    one = planned({"setup.sources": [1]})
    assert not any(dataset.outputs("compare") for dataset in one.values())


@pytest.mark.parametrize(
    ("own", "names"),
    [({}, ["d"]), ({"mixing.alpha": [0.25]}, ["d~mixing.alpha=0.25"]), (None, ["d~canonical.steps=7", "d~canonical.steps=8"])],
    ids=["none", "another", "shared"],
)
def test_a_dataset_s_own_sweep_replaces_the_shared_one(own, names):
    dataset = {"input": {"scene": "tiny"}} | ({} if own is None else {"sweep": own})
    datasets = plan({"datasets": {"d": dataset}, "sweep": {"canonical.steps": [7, 8]}}, SCENES)
    assert [name for name, planned in datasets.items() if planned.target] == names


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"input.scene": ["balls", "tiny"]}, ["input.scene", "cannot be swept"]),
        ({"speed": [1, 2]}, ["speed", "cannot be swept"]),
        ({"canonical.stepz": [1, 2]}, ["stepz", "did you mean steps"]),
        ({"canonical.grid.levels.deep": [1]}, ["canonical.grid.levels.deep", "no such key"]),
        ({"velocity.levels.9.steps": [1]}, ["velocity.levels.9.steps", "no such key"]),
        ({"velocity.levels.-1.steps": [1]}, ["velocity.levels.-1.steps", "no such key"]),
        ({"velocity.levels.first.steps": [1]}, ["velocity.levels.first.steps", "no such key"]),
        ({"velocity.levels": [1, 2]}, ["sweep: velocity.levels: holds more than one value"]),
        ({"velocity.levels.0": [1, 2]}, ["sweep: velocity.levels.0: there is no such key"]),
        ({"velocity": [1, 2]}, ["sweep: velocity: holds more than one value"]),
        ({"export.times": [0.5]}, ["sweep: export.times: holds more than one value"]),
        ({"canonical.steps": [-1]}, ["canonical.steps", "greater than"]),
        ({"canonical.steps": []}, ["canonical.steps", "needs values"]),
        ({"canonical.steps": [5, 5]}, ["canonical.steps", "each once"]),
        ({"mixing.method": ["a/b"]}, ["mixing.method", "folder's name"]),
        ({"canonical.steps": 5}, ["sweep.canonical.steps", "list"]),
        ({"setup.sources": [0]}, ["setup.sources", "greater than"]),
        ({"setup.angles": [90]}, ["setup.angles", "unknown key"]),
        ({"setup.times": [2]}, ["setup.times", "greater than"]),
        ({"setup.photons": [20]}, ["datasets.d: setup: does not fit the scene: flat_field leaves counts of 20 photons no room"]),
    ],
    ids=str,
)
def test_a_wrong_sweep_says_so_in_one_line(sweep, words):
    with pytest.raises(InputError) as caught:
        planned(sweep)
    (line,) = str(caught.value).splitlines()
    assert all(word in line for word in words), line


def test_what_is_measured_has_its_set_up(tmp_path):
    make(tmp_path / "data")
    with pytest.raises(InputError, match=r"datasets\.d: setup: what is measured has its set-up; remove it; to plan with this sample"):
        plan({"datasets": {"d": {"input": {"folder": str(tmp_path / "data")}, "setup": {"sources": 1}}}}, SCENES)


def test_a_failure_in_one_dataset_leaves_the_others_running(tmp_path):
    image = next(make(tmp_path / "data").glob("images_00/train_*.png"))
    image.write_bytes(image.read_bytes()[:100])
    (tmp_path / "c.yaml").write_text(
        yaml.safe_dump({"datasets": {"bad": {"input": {"folder": "data"}}, "good": {"input": {"scene": "tiny"}}}})
    )
    goals = {name: f"results/{name}/prepared/forward" for name in ("bad", "good")}
    run = snakemake(*goals.values(), "--cores", "1", "--configfile", "c.yaml", cwd=tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert {name: (tmp_path / goal).is_dir() for name, goal in goals.items()} == {"bad": False, "good": True}, run.stderr
