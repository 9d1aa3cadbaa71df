"""What the workflow plans to do for datasets of each kind."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import yaml

from workflow import ROOT, jobs
from xct4d.plan import plan

DATA = os.environ.get("XCT4D_DATA")
SCENES = ROOT / "config" / "scenes"


def kinds(listed):
    """Jobs of each stage, of a dry run's list."""
    return Counter(job.split(": ")[1].split(" ")[0] for job in listed)


def test_the_demo_from_nothing(tmp_path):
    listed = jobs("--configfile", str(ROOT / "config" / "config.yaml"), cwd=tmp_path)
    assert kinds(listed) == {"simulate": 1, "prepare": 3, "canonical": 2, "velocity": 3, "export": 5, "series": 1, "evaluate": 1, "report": 1}


def test_several_datasets_share_a_run_and_keep_their_own_sections(tmp_path):
    tree = {
        "datasets": {
            "one": {"input": {"scene": "tiny"}, "export": {"times": [0.5]}},
            "two": {"input": {"scene": str(SCENES / "tiny.yaml")}, "export": {"kinds": ["forward"]}, "mixing": {"method": "spline"}},
        },
        "export": {"times": [0.0, 0.25, 1.0]},
    }
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    listed = jobs("--configfile", "c.yaml", cwd=tmp_path)
    assert kinds(job for job in listed if job.startswith("one: ")) == {
        "simulate": 1, "prepare": 3, "canonical": 2, "velocity": 3, "export": 1, "evaluate": 1, "report": 1
    }  # fmt: skip
    assert kinds(job for job in listed if job.startswith("two: ")) == {
        "simulate": 1, "prepare": 3, "canonical": 2, "velocity": 3, "mixing": 1, "export": 3, "series": 1, "evaluate": 1, "report": 1
    }  # fmt: skip


def test_the_order_of_kinds_makes_no_difference(tmp_path):
    orders = {"one": ["mixed", "forward", "backward"], "two": ["backward", "mixed", "forward"], "three": ["backward", "mixed"], "four": ["mixed", "backward"]}
    tree = {"datasets": {name: {"input": {"scene": "tiny"}, "export": {"kinds": kinds, "times": [0.5]}} for name, kinds in orders.items()}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    assert {f"{name}: export t = 0.5000" for name in orders} <= set(jobs("--configfile", "c.yaml", cwd=tmp_path))


def test_a_scene_reads_its_own_file_and_those_it_names(tmp_path):
    (tmp_path / "object.yaml").write_text("{type: sphere, center: [0, 0, 0], radius: 0.3, rho: 1.0}\n")
    scene = tmp_path / "scene.yaml"
    scene.write_text("object: object.yaml\ntimes: 3\nviews: {ends: {azimuths: 4}, between: {azimuths: 2}}\n")
    (dataset,) = plan({"datasets": {"d": {"input": {"scene": str(scene)}}}}, SCENES).values()
    assert dataset.scene_files == [str(scene), str(tmp_path / "object.yaml")]


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA names no folder of shared data")
def test_the_reference_demo_as_it_is():
    (dataset,) = plan({"datasets": {"d": {"input": {"folder": f"{DATA}/balls_upstream"}}}}, SCENES).values()
    assert dataset.states == ["forward", "backward", "between"]
    images = {state: {Path(file).parent.name for file in files if file.endswith(".png")} for state, files in dataset.state_files.items()}
    assert images["forward"] == {"images_00"}
    assert images["backward"] == {"images_20"}
    assert len(images["between"]) == 21
    # what one state's file says can change another's clock and split
    assert all(sum(file.endswith(".json") for file in files) == 3 for files in dataset.state_files.values())


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA names no folder of shared data")
def test_a_single_scan_is_reconstructed_and_exported_alone(tmp_path):
    split = {"method": "interval", "interval": 3}
    tree = {"datasets": {"d": {"input": {"folder": f"{DATA}/nikon_balls", "forward": "transforms_corrected.json", "split": split}}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    assert jobs("--configfile", "c.yaml", cwd=tmp_path) == ["d: canonical forward", "d: evaluate", "d: export t = 0.0000", "d: prepare forward", "d: report"]
    (dataset,) = plan(tree, SCENES).values()
    assert any(file.endswith(".xtekct") for file in dataset.state_files["forward"])
