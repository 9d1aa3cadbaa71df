"""What jobs ask a scheduler for."""

from __future__ import annotations

import json
import subprocess
import sys

import nikon_dataset
import numpy as np
import pytest
import table_dataset
import yaml
from PIL import Image
from snakemake.utils import update_config

from workflow import ROOT
from xct4d.analysis import projection_scores
from xct4d.config import Setup
from xct4d.workflow import needs
from xct4d.workflow.dataset import Dataset
from xct4d.workflow.demand import memory_mb, minutes
from xct4d.workflow.plan import plan
from xct4d.workflow.workload import Workload, _scene


def dataset(**sections) -> Dataset:
    """A scene's dataset with some keys other than the defaults."""
    tree = {"datasets": {"d": {"input": {"scene": "balls"}}}} | sections
    (only,) = plan(tree, ROOT / "config" / "scenes").values()
    return only


@pytest.mark.parametrize(
    ("stage", "sections", "least"),
    [
        ("canonical", {"canonical": {"grid": {"log2_size": 21}}}, 12 * 2**21 * 8 * 4),  # parameters, gradient, two moments
        ("canonical", {"canonical": {"bake": 500}}, 500**3 * 4),
        ("canonical", {"canonical": {"rays": 8192, "samples": 256}}, 8192 * 256 * 2 * 24 * 4),  # the encoding and its gradient
        ("velocity", {"canonical": {"bake": 500}}, 4 * 500**3 * 4),
        ("velocity", {"velocity": {"levels": [{"resolution": 51, "steps": 1, "learning_rate": 0.01}]}}, 8 * 20 * 51**3 * 3 * 4),
        ("export", {"export": {"tile": 256, "resolution": 512}}, 256**3 * 36),
        ("evaluate", {"evaluate": {"resolution": 500}}, 500**3 * 24 * 0.5),
    ],
    ids=str,
)
def test_memory_holds_the_largest_arrays(stage, sections, least):
    own = dataset(**sections)
    need = memory_mb(stage, own, threads=8, resolution=own.config.velocity.levels[-1].resolution)
    assert need - memory_mb("export", dataset(export={"tile": 8}), threads=8) > least / 2**20
    assert need < memory_mb("export", dataset(export={"tile": 8}), threads=8) + 40 * least / 2**20 + 1000


def test_a_thread_more_of_the_flow_s_adjoint_is_a_buffer_more():
    own = dataset(velocity={"levels": [{"resolution": 51, "steps": 1, "learning_rate": 0.01}]})
    more = memory_mb("velocity", own, threads=16, resolution=51) - memory_mb("velocity", own, threads=8, resolution=51)
    assert more == pytest.approx(8 * 20 * 51**3 * 3 * 4 / 2**20, abs=1)


@pytest.mark.parametrize("stage", ["simulate", "evaluate"])
def test_the_true_object_s_voxels_are_counted(tmp_path, stage):
    def need(size: int) -> int:
        np.save(tmp_path / f"{size}.npy", np.zeros((size, 100, 100), np.float64))
        scene = tmp_path / f"{size}.yaml"
        scene.write_text(f"object: {size}.npy\ntimes: 3\nviews: {{ends: {{azimuths: 4}}, between: {{azimuths: 2}}}}\n")
        return memory_mb(stage, dataset(datasets={"d": {"input": {"scene": str(scene)}}}), threads=8)

    more = (need(300) - need(100)) * 2**20 / (200 * 100 * 100)
    assert 13 <= more < 16  # bytes a voxel: 8 of the file, 4 of what is read, 1 while it is checked


def test_an_exposure_takes_the_time_of_many_images(tmp_path):
    def need(more: str) -> int:
        scene = tmp_path / f"{len(more)}.yaml"
        shape = "{type: sphere, center: [0, 0, 0], radius: 0.5, rho: 1.0}"
        scene.write_text(f"object: {shape}\ntimes: 52\nviews: {{ends: {{azimuths: 10}}, between: {{azimuths: 2}}}}\n{more}\n")
        return minutes("simulate", dataset(datasets={"d": {"input": {"scene": str(scene)}}}), threads=1) - 10

    assert need("exposure: {duration: 0.02}") > 40 * need("")


def test_the_voxels_of_a_folder_s_truth_are_counted(tmp_path):
    np.zeros((50, 60, 70), np.uint8).tofile(tmp_path / "v.raw")
    write_dataset(tmp_path)
    given = {"folder": str(tmp_path)}
    truth = {"object": {"path": "v.raw", "shape": [50, 60, 70], "dtype": "uint8"}, "motion": {"type": "rigid", "displacements": [0, 0, 0]}}
    without, known = (memory_mb("evaluate", dataset(datasets={"d": {"input": i}}), 8) for i in (given, given | {"truth": truth}))
    assert (known - without) * 2**20 == pytest.approx(14 * 50 * 60 * 70, abs=2**20)


def test_time_grows_with_the_work_and_shrinks_with_threads():
    short, long = dataset(canonical={"steps": 1000}), dataset(canonical={"steps": 100_000})
    assert minutes("canonical", long, threads=8) > 20 * (minutes("canonical", short, threads=8) - 10)
    assert minutes("canonical", long, threads=8) < minutes("canonical", long, threads=1)
    assert minutes("export", short, threads=8) < 60  # else queues for short jobs would not take them


@pytest.mark.parametrize(
    ("split", "part"),
    [
        ({}, 0.5),
        ({"method": "interval", "interval": 3}, 1 / 3),
        ({"method": "interval"}, 1 / 8),
        ({"method": "fraction", "fraction": 0.2}, 0.8),
        ({"method": "list", "held_out": ["a.png"]}, 0.25),
    ],
    ids=lambda value: value.get("method", "filename") if isinstance(value, dict) else "",
)
def test_scoring_takes_as_long_as_projections_are_held_out(tmp_path, split, part):
    names = ["train_0", "train_1", "eval_0", "eval_1"] if not split else ["a", "b", "c", "d"]
    for scan in ("00", "01"):
        (tmp_path / f"images_{scan}").mkdir()
        frames = [{"file_path": f"images_{scan}/{name}.png"} for name in names]
        for name in names:
            Image.fromarray(np.zeros((2000, 2000), np.uint8)).save(tmp_path / f"images_{scan}" / f"{name}.png")
        (tmp_path / f"transforms_{scan}.json").write_text(json.dumps({"frames": frames}))
    tree = {
        "datasets": {"d": {"input": {"folder": str(tmp_path), "split": split}}},
        "prepare": {"target_size": None},
        "evaluate": {"resolution": 8},
    }
    (one,) = plan(tree, ROOT / "config" / "scenes").values()
    (ten,) = plan(tree | {"prepare": {"target_size": 200}}, ROOT / "config" / "scenes").values()
    seen = minutes("evaluate", one, 1) - minutes("evaluate", ten, 1)
    assert seen == pytest.approx(part * 8 * 2**18 * 2000 * 0.3 * 15e-6 * 5 / 60, rel=0.05)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("stage", ["simulate", "prepare", "canonical", "velocity", "export", "evaluate", "report"])
def test_an_experiment_s_jobs_are_such_as_a_queue_takes(stage, device):
    """No partition takes a job of weeks. On a CPU the training of an experiment is long."""
    trees = [yaml.safe_load((ROOT / "config" / name).read_text()) for name in ("experiment.yaml", "presets/gpu-16gb.yaml")]
    update_config(*trees)
    (experiment,) = plan(trees[0] | {"device": device}, ROOT / "config" / "scenes").values()
    assert minutes(stage, experiment, threads=8, resolution=51) < (
        24 * 60 if device == "cuda" or stage not in ("canonical", "velocity") else 7 * 24 * 60
    )


def test_as_many_pixels_are_scored_as_time_is_asked_for():
    assert needs.evaluate.SCORED_PIXELS == projection_scores.SCORED_PIXELS


def test_a_scene_says_itself_what_it_holds_out():
    own = dataset(evaluate={"resolution": 8}, prepare={"target_size": None})
    scene = _scene(own.scene_files[0], Setup())
    assert scene.held_out > scene.projections / 10
    assert minutes("evaluate", own, 1) == pytest.approx(10 + scene.held_out * scene.pixels**1.5 * 0.3 * 15e-6 * 5 / 60, rel=0.01)


def test_a_sequence_of_more_times_takes_as_much_longer():
    few, many = (dataset(setup={"times": times, "sources": 3}) for times in (1002, 2002))
    pixels = _scene(many.scene_files[0], many.config.setup).pixels
    further = 1000 * (3 + 1)  # one of them held out
    assert minutes("expose", many, 1) - minutes("expose", few, 1) == pytest.approx(further * pixels * 5e-6 * 5 / 60, rel=0.02)


def write_dataset(folder):
    """Two scans of one image each."""
    for scan in ("00", "01"):
        (folder / f"images_{scan}").mkdir()
        Image.fromarray(np.zeros((500, 500), np.uint8)).save(folder / f"images_{scan}" / "train_0.png")
        text = f'{{"frames": [{{"file_path": "images_{scan}/train_0.png"}}]}}'
        (folder / f"transforms_{scan}.json").write_text(text)


def test_a_folder_is_weighed_by_its_images(tmp_path):
    write_dataset(tmp_path)
    tree = {"datasets": {"d": {"input": {"folder": str(tmp_path)}}}}
    (one,) = plan(tree, ROOT / "config" / "scenes").values()
    (whole,) = plan(tree | {"prepare": {"target_size": None}}, ROOT / "config" / "scenes").values()
    pixels = 2 * 500**2 * 2 / 2**20
    assert memory_mb("mixing", whole, 1) - memory_mb("mixing", one, 1) == pytest.approx(pixels * 3 / 4, abs=1)


def test_it_is_read_without_torch():
    code = "import sys, xct4d.workflow.demand; print(sorted({'torch', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"


def test_projections_that_share_a_file_are_counted(tmp_path):
    """A TIFF stack of six, and an HDF5 file, whose pixels are counted by its bytes."""
    (stack,) = plan({"datasets": {"d": {"input": {"folder": str(table_dataset.stack(tmp_path / "stack"))}}}}, ROOT).values()
    assert workload_of(stack).projections in (6, 7)  # with the headers
    (tmp_path / "hdf5").mkdir()
    (tmp_path / "hdf5" / "scan.h5").write_bytes(bytes(50 * 2**23))
    (scan,) = plan({"datasets": {"d": {"input": {"folder": str(tmp_path / "hdf5")}}}}, ROOT).values()
    assert workload_of(scan).projections * workload_of(scan).pixels == pytest.approx(50 * 2**22, rel=0.02)
    assert memory_mb("canonical", scan, threads=1) > 0


def test_a_scanner_s_texts_are_no_projections(tmp_path):
    folder = nikon_dataset.make(tmp_path / "dataset", scans=["scan"])
    nikon_dataset.add_angles(folder, "scan")
    (scan,) = plan({"datasets": {"d": {"input": {"folder": str(folder)}}}}, ROOT).values()
    assert (workload_of(scan).projections, workload_of(scan).pixels) == (6, 32 * 24)


def workload_of(own: Dataset) -> Workload:
    return Workload(own.config, own.scene_files, own.state_files, own.truth_files, exported_times=1, threads=1)
