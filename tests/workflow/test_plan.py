"""What the workflow plans to do for datasets of each kind."""

from __future__ import annotations

import os
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
import yaml

from workflow import ROOT, jobs, reasons
from xct4d.config import VolumeFile
from xct4d.errors import InputError
from xct4d.workflow.plan import plan

DATA = os.environ.get("XCT4D_DATA")
SCENES = ROOT / "config" / "scenes"
LEVEL = {"resolution": 5, "steps": 10, "learning_rate": 1e-2}


def kinds(listed):
    """Jobs of each stage, of a dry run's list."""
    return Counter(job.split(": ")[1].split(" ")[0] for job in listed)


def test_the_demo_from_nothing(tmp_path):
    listed = jobs("--configfile", str(ROOT / "config" / "config.yaml"), cwd=tmp_path)
    assert kinds(listed) == {
        "simulate": 1,
        "prepare": 3,
        "check": 1,
        "canonical": 2,
        "calibrate": 1,
        "register": 1,
        "trust": 1,
        "velocity": 3,
        "export": 5,
        "analyse": 5,
        "series": 1,
        "evaluate": 1,
        "report": 1,
    }


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
        "simulate": 1, "prepare": 3, "check": 1, "canonical": 2, "calibrate": 1, "register": 1, "velocity": 3, "trust": 1, "export": 1, "analyse": 1, "evaluate": 1, "report": 1
    }  # fmt: skip
    assert kinds(job for job in listed if job.startswith("two: ")) == {
        "simulate": 1, "prepare": 3, "check": 1, "canonical": 2, "calibrate": 1, "register": 1, "velocity": 3, "trust": 1, "mixing": 1, "export": 3, "analyse": 3, "series": 1, "evaluate": 1, "report": 1
    }  # fmt: skip


def test_what_is_refined_takes_the_place_of_scans_and_motion(tmp_path):
    tree = {"datasets": {"d": {"input": {"scene": "tiny"}, "refinement": {"steps": 5}, "mixing": {"method": "spline"}}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    found = reasons("--configfile", "c.yaml", cwd=tmp_path)
    assert "results/d/velocity/15" in found["d: refine"]
    for name in ("trust", "mixing", "export t = 0.5000", "analyse t = 0.5000", "evaluate", "report"):
        assert all(f"results/d/refined/{part}" in found[f"d: {name}"] for part in ("forward", "backward", "motion")), name
        assert "results/d/canonical/" not in found[f"d: {name}"]
    assert not [name for name, why in found.items() if "refined" in why and name.startswith(("d: velocity", "d: register"))]


def test_the_order_of_kinds_makes_no_difference(tmp_path):
    orders = {
        "one": ["mixed", "forward", "backward"],
        "two": ["backward", "mixed", "forward"],
        "three": ["backward", "mixed"],
        "four": ["mixed", "backward"],
    }
    tree = {"datasets": {name: {"input": {"scene": "tiny"}, "export": {"kinds": kinds, "times": [0.5]}} for name, kinds in orders.items()}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree))
    assert {f"{name}: export t = 0.5000" for name in orders} <= set(jobs("--configfile", "c.yaml", cwd=tmp_path))


def test_a_scene_reads_its_own_file_and_those_it_names(tmp_path):
    (tmp_path / "object.yaml").write_text("{type: sphere, center: [0, 0, 0], radius: 0.3, rho: 1.0}\n")
    scene = tmp_path / "scene.yaml"
    scene.write_text("object: object.yaml\ntimes: 3\nviews: {ends: {azimuths: 4}, between: {azimuths: 2}}\n")
    (dataset,) = plan({"datasets": {"d": {"input": {"scene": str(scene)}}}}, SCENES).values()
    assert dataset.scene_files == [str(scene), str(tmp_path / "object.yaml")]


def test_voxels_behind_a_description_are_inputs_of_the_rules(tmp_path):
    folder = tiny_dataset.make(tmp_path / "data")
    np.save(folder / "v.npy", np.ones((4, 4, 4), np.float32))
    (folder / "o.yaml").write_text("{type: voxel_grid, path: v.npy}\n")
    motion = {"type": "linear", "strains": [0.1, -0.05, 0.1, 0.0, 0.0, 0.0]}
    given = {"folder": str(folder), "backward_volume": {"path": "o.yaml"}, "truth": {"object": {"path": "o.yaml"}, "motion": motion}}
    (dataset,) = plan({"datasets": {"d": {"input": given}}, "canonical": {"volume_weight": 0.1}}, SCENES).values()
    both = [str(folder / "o.yaml"), str(folder / "v.npy")]
    assert (dataset.volume_files, dataset.truth_files) == ({"forward": [], "backward": both}, both)


def test_volumes_of_the_scans_are_found_beside_the_transforms(tmp_path):
    """Where they are given a weight and none is named: the first and the last by their numbers, without those that are the truth."""
    folder = tiny_dataset.make(tmp_path / "data")
    for number in (2, 10, 100):
        np.savez(folder / f"sample-{number}.npz", vol=np.ones((4, 4, 4), np.float32))
    given = {"folder": str(folder)}
    (plain,) = plan({"datasets": {"d": {"input": given}}}, SCENES).values()
    assert plain.volume_files == {"forward": [], "backward": []}
    tree = {"datasets": {"d": {"input": given}}, "canonical": {"volume_weight": 0.1}}
    (dataset,) = plan(tree, SCENES).values()
    assert dataset.volume_files == {"forward": [str(folder / "sample-2.npz")], "backward": [str(folder / "sample-100.npz")]}
    assert dataset.volume("backward") == VolumeFile(path="sample-100.npz", grid="faces")
    given["truth"] = {"volumes": [{"path": "sample-100.npz", "time": 0.5}]}
    (dataset,) = plan(tree, SCENES).values()
    assert dataset.volume_files["backward"] == [str(folder / "sample-10.npz")]
    given["truth"]["volumes"].append({"path": "sample-10.npz", "time": 0.6})
    with pytest.raises(InputError, match=r"canonical\.volume_weight: there is no volume to weigh; .* put an \.npz of each scan beside"):
        plan(tree, SCENES)


def test_measured_volumes_and_the_mask_are_inputs_of_the_rules(tmp_path):
    folder = tiny_dataset.make(tmp_path / "data")
    for name in ("m.npy", "v.npy"):
        np.save(folder / name, np.ones((4, 4, 4), np.float32))
    (folder / "o.yaml").write_text("{type: voxel_grid, path: v.npy}\n")
    truth = {"volumes": [{"path": "v.npy", "time": 0.25}, {"path": "o.yaml", "time": 0.7}]}
    tree = {"datasets": {"d": {"input": {"folder": str(folder), "truth": truth}}}, "evaluate": {"region": {"mask": {"path": "m.npy"}}}}
    (dataset,) = plan(tree, SCENES).values()
    assert dataset.truth_files == [str(folder / "v.npy"), str(folder / "o.yaml")]
    assert dataset.region_files == [str(folder / "m.npy")]
    (folder / "v.npy").unlink()
    with pytest.raises(InputError, match=r"input\.truth\.volumes\[0\]\.path: there is no file"):
        plan(tree, SCENES)
    scene = {"datasets": {"d": {"input": {"scene": "tiny"}}}, "evaluate": tree["evaluate"]}
    with pytest.raises(InputError, match=r"evaluate\.region\.mask: a scene has no folder for a mask"):
        plan(scene, SCENES)


def test_a_volume_of_voxels_is_not_read_before_anything_runs(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((160, 160, 160), np.float32))
    (tmp_path / "scene.yaml").write_text("object: v.npy\ntimes: 3\nviews: {ends: {azimuths: 4}, between: {azimuths: 2}}\n")
    tree = {"datasets": {"d": {"input": {"scene": str(tmp_path / "scene.yaml")}}}}
    plan(tree, SCENES)  # what is imported counts nothing
    tracemalloc.start()
    (dataset,) = plan(tree, SCENES).values()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 160**3 * 4 / 10
    assert dataset.scene_files == [str(tmp_path / "scene.yaml"), str(tmp_path / "v.npy")]


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
    assert jobs("--configfile", "c.yaml", cwd=tmp_path) == [
        "d: canonical forward",
        "d: check",
        "d: evaluate",
        "d: export t = 0.0000",
        "d: prepare forward",
        "d: report",
    ]
    (dataset,) = plan(tree, SCENES).values()
    assert any(file.endswith(".xtekct") for file in dataset.state_files["forward"])


def test_a_sequence_after_a_single_scan_leaves_out_what_takes_two(tmp_path):
    folder = tiny_dataset.make(tmp_path / "dataset")
    (folder / "transforms_04.json").unlink()
    tree = {"datasets": {"d": {"input": {"folder": "dataset", "between": "transforms_00_to_04.json"}}}, "mixing": {"method": "spline"}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(tree | {"export": {"times": [0.5]}, "velocity": {"levels": [LEVEL]}}))
    assert jobs("--configfile", "c.yaml", cwd=tmp_path) == [
        "d: analyse t = 0.5000", "d: canonical forward", "d: check", "d: evaluate", "d: export t = 0.5000", "d: prepare between",
        "d: prepare forward", "d: report", "d: velocity 5",
    ]  # fmt: skip
    tree["datasets"]["d"]["input"]["folder"] = str(folder)
    (dataset,) = plan(tree, SCENES).values()
    assert dataset.kinds == ("forward",)
    assert dataset.quantities == ("displacement", "jacobian", "equivalent_strain")


def test_times_are_told_apart_by_as_many_decimals_as_that_takes():
    times = [-0.0, 0.5, 0.500035, 0.50007, 1e-7, 1.0]
    (dataset,) = plan({"datasets": {"d": {"input": {"scene": "tiny"}}}, "export": {"times": times}}, SCENES).values()
    assert list(dataset.times) == ["0.0000", "0.5000", "0.500035", "0.50007", "0.0000001", "1.0000"]
    assert list(dataset.times.values()) == times
