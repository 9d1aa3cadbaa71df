"""The whole pipeline through the real `snakemake` command, undisturbed and killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import zarr
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_run import RESULTS, THREADS, TINY, contents, undisturbed

import xct4d
from workflow import ROOT, jobs, snakemake
from xct4d.config import Analyse
from xct4d.geometry.box import grid_points


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A working directory in which the tiny configuration ran undisturbed."""
    return undisturbed(tmp_path_factory)


def test_every_output_is_there(done):
    stages = {"simulated", "check", "prepared/forward", "prepared/backward", "prepared/between", "canonical/forward", "canonical/backward"}
    stages |= {"velocity/6", "velocity/9", "trust", "mixing", "series", "evaluation", "report"}
    assert all(any((done / RESULTS / stage).iterdir()) for stage in stages)
    for kind in ("mixed", "forward", "backward"):
        for t in ("0.0000", "0.5000", "1.0000"):
            volume = zarr.open_group(done / RESULTS / "volumes" / kind / f"t{t}.zarr", mode="r")["0"][:]
            assert volume.shape == (24, 24, 24)
            assert np.isfinite(volume).all()
            assert volume.max() > 0.5
        film = zarr.open_group(done / RESULTS / "series" / f"{kind}.zarr", mode="r")["0"]
        assert film.shape == (3, 24, 24, 24)
        assert np.array_equal(film[-1], volume)
    assert not any((done / RESULTS / "checkpoints").iterdir())
    assert not list((done / RESULTS).rglob(".*xct4d*"))


def test_volumes_and_films_hold_nothing_that_ome_zarr_does_not_know(done):
    groups = sorted((done / RESULTS).rglob("*.zarr"))
    assert len(groups) == (3 + len(Analyse().quantities)) * (3 + 1)  # three times, one film
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in groups:
            group = zarr.open_group(path, mode="r")
            levels = dict(group.members())
            assert list(levels) == [dataset["path"] for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]]
            known = {"zarr.json"} | {f"{level}/zarr.json" for level in levels}
            files = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
            assert {file for file in files if "/c/" not in file} == known


def test_scores_tell_a_reconstruction_from_noise(done):
    record = json.loads((done / RESULTS / "evaluation" / "metrics.json").read_text())
    assert [entry["time"] for entry in record["times"]] == [0.0, 0.5, 1.0]
    for entry in record["times"]:
        assert entry["self_correlation"] > 0.93
        assert all(entry["correlation"][kind] > 0.85 for kind in ("mixed", "forward", "backward"))
    assert record["held_out"]["mean"]["psnr"] > 30


def test_the_motion_is_found(done):
    """Where nothing moves the error is as large as the motion; here it is a quarter of it."""
    record = json.loads((done / RESULTS / "evaluation" / "metrics.json").read_text())
    start, middle, end = record["times"]
    for found in (
        start["displacement_error_to_end"],
        middle["displacement_error"],
        middle["displacement_error_to_end"],
        end["displacement_error"],
    ):
        assert found["true_mean"] > 0.04
        assert found["mean"] < 0.5 * found["true_mean"]


def test_the_result_opens_in_python(done):
    result = xct4d.open(done / RESULTS)
    assert result.volumes == {name: [0.0, 0.5, 1.0] for name in ("mixed", "forward", "backward", *Analyse().quantities)}
    for kind in ("mixed", "forward", "backward"):
        volume = result.volume(kind, 0.5)
        found = result.attenuation(grid_points(*volume.coordinates), 0.5, kind)
        assert np.allclose(found.reshape(volume.shape), volume[:], atol=1e-4)
    for name in ("jacobian", "equivalent_strain"):
        volume = result.volume(name, 0.5)
        found = result.quantity(name, grid_points(*volume.coordinates), 0.5)
        assert np.allclose(found.reshape(volume.shape), volume[:], atol=1e-5)
        assert "folded_voxels" in volume.attributes
    moved = result.volume("displacement", 0.5)
    found = result.displacement(grid_points(*moved.coordinates), 0.5)
    assert np.allclose(found.T.reshape(moved.shape), moved[:], atol=1e-5)
    assert np.abs(moved[:]).max() > 0.01
    assert set(result.history) == {"canonical forward", "canonical backward", "velocity 6", "velocity 9", "mixing"}
    assert result.metrics["times"][1]["self_correlation"] > 0.93
    assert result.configuration["velocity"]["levels"][-1]["resolution"] == 9


def test_every_job_leaves_a_log_and_a_benchmark(done):
    logs = {path.stem for path in (done / RESULTS / "logs").iterdir()}
    benchmarks = {path.stem for path in (done / RESULTS / "benchmarks").iterdir()}
    assert logs == benchmarks
    assert {"simulate", "prepare_between", "canonical_forward", "velocity_9", "mixing", "export_t0.5000", "evaluate"} <= logs
    assert "150/150" in (done / RESULTS / "logs" / "canonical_forward.log").read_text()


def test_snakemakes_report_is_one_page_with_every_figure(done):
    run = snakemake("--report", "report.html", *TINY, cwd=done)
    assert run.returncode == 0, run.stderr
    page = (done / "report.html").read_text()
    figures = {path.name for path in (done / RESULTS / "report").iterdir() if path.suffix in (".png", ".html")}
    assert {"report.html", "mixing.png", "motion.png", "canonical.png", "volumes.png", "slices.png", "prepared_between.png"} <= figures
    assert all(f'"results/tiny/report/{figure}": ' in page for figure in figures)
    figures |= {path.name for path in (done / RESULTS / "check").glob("*.png")}
    assert page.count('"data_uri": "data:') == len(figures)
    assert re.search(r"configuration=\{\\+\"input", page)  # free text, such as names of files, goes there as JSON without markup
    assert "Rigid motion strains nothing" in page
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page)


def test_a_second_run_does_nothing(done):
    assert jobs(*TINY, cwd=done) == []


def test_bad_data_fails_its_job_in_one_line_and_leaves_no_output(done, tmp_path):
    shutil.copytree(done / RESULTS / "simulated", tmp_path / "data")
    image = next((tmp_path / "data").glob("images_00/train_*.png"))
    image.write_bytes(image.read_bytes()[:200])
    (tmp_path / "c.yaml").write_text("datasets: {d: {input: {folder: data}}}\n")
    run = snakemake("--cores", "1", "results/d/prepared/forward", "--configfile", "c.yaml", cwd=tmp_path)
    assert run.returncode == 1
    (line,) = (tmp_path / "results/d/logs/prepare_forward.log").read_text().splitlines()
    assert image.name in line
    assert "Traceback" not in run.stdout + run.stderr
    assert (run.stdout + run.stderr).count(line) == 1
    assert run.stderr.splitlines()[-1] == line
    assert not list((tmp_path / "results/d").glob("prepared/*"))


KILL = """\
import fnmatch, os, signal, sys

EVENT, PATH = os.environ["KILL_EVENT"], os.environ["KILL_PATH"]  # a process has a million events

def watch(event, arguments):
    if event == EVENT:
        touched = str(arguments[1 if event == "os.rename" else 0])
        if fnmatch.fnmatch(touched, PATH):
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
"""


@pytest.fixture
def copy(done, tmp_path_factory):
    """The finished working directory once more, to be damaged. As deep: Snakemake compares the paths that lead out of it."""
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(done, place, symlinks=True, dirs_exist_ok=True)
    return place


# A stage is killed at the opening of a file inside its temporary folder, or just
# before the rename that would finish a checkpoint or the whole output.
@pytest.mark.parametrize(
    ("output", "event", "path"),
    [
        ("simulated", "open", "*/.simulated.xct4d-*/transforms_00.json"),
        ("canonical/forward", "open", "*/.forward.xct4d-*/history.json"),
        ("velocity/6", "os.rename", "*/checkpoints/velocity_6.*.checkpoint"),
        ("mixing", "os.rename", "*/mixing"),
        ("volumes/mixed/t0.5000.zarr/zarr.json", "os.rename", "*/volumes/mixed/t0.5000.zarr"),
    ],
)
def test_a_stage_killed_while_it_writes_ends_bit_identical(done, copy, tmp_path, output, event, path):
    (tmp_path / "sitecustomize.py").write_text(KILL)
    target = copy / RESULTS / output
    shutil.rmtree(target if target.is_dir() else target.parent)
    command = (f"results/tiny/{output}", *THREADS, *TINY)
    run = snakemake(*command, cwd=copy, PYTHONPATH=str(tmp_path), KILL_EVENT=event, KILL_PATH=path)
    assert run.returncode == 1
    assert "SIGKILL" in run.stderr or "status 137" in run.stderr or "status -9" in run.stderr, run.stderr
    assert not target.exists()
    run = snakemake(*command, cwd=copy, prepared_for=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert contents(copy) == contents(done)


@pytest.mark.parametrize("stage", ["canonical_forward", "velocity_9"])
def test_training_killed_with_snakemake_resumes_and_ends_bit_identical(done, copy, stage):
    output = str(RESULTS / stage.replace("_", "/"))
    shutil.rmtree(copy / output)
    shutil.rmtree(copy / RESULTS / "tensorboard" / stage)
    checkpoints = copy / RESULTS / "checkpoints"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), output, *THREADS, *TINY]
    process = subprocess.Popen(command, cwd=copy, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while not list(checkpoints.glob(f"{stage}.*.checkpoint")):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.001)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # Snakemake and the stage
        process.wait()
    assert not (copy / output).exists()
    assert snakemake("--unlock", "--cores", "1", *TINY, cwd=copy).returncode == 0
    run = snakemake(output, *THREADS, *TINY, cwd=copy, prepared_for=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert contents(copy) == contents(done)
    assert first_step(max((copy / RESULTS / "tensorboard" / stage).iterdir(), key=lambda path: path.stat().st_mtime_ns)) > 0


KILL_SNAKEMAKE = """\
import os, signal, sys

def watch(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(os.environ["KILL_PATH"]):
        os.kill(os.getsid(0), signal.SIGKILL)

sys.addaudithook(watch)
"""


@pytest.mark.parametrize("output", ["canonical/forward", "mixing"])
def test_training_that_ends_after_snakemake_died_is_not_done_again(done, copy, tmp_path, output):
    (tmp_path / "sitecustomize.py").write_text(KILL_SNAKEMAKE)
    shutil.rmtree(copy / RESULTS / output)
    target = str(RESULTS / output)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), target, *THREADS, *TINY]
    surroundings = os.environ | {"PYTHONPATH": str(tmp_path), "KILL_PATH": f"/{output}"}
    process = subprocess.Popen(
        command, cwd=copy, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.wait() == -signal.SIGKILL
    while not (copy / target).exists():  # the job itself is alive and ends well
        time.sleep(0.01)
    assert snakemake("--unlock", "--cores", "1", *TINY, cwd=copy).returncode == 0
    run = snakemake(target, *THREADS, *TINY, cwd=copy, prepared_for=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "was trained to the end before" in run.stdout + run.stderr
    assert contents(copy) == contents(done)


def first_step(events: Path) -> int:
    """The step at which a file of TensorBoard events begins."""
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    return accumulator.Scalars("training/loss")[0].step
