"""Where a stage computes: all of them on a GPU that is pretended, and the lease of real ones."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from pretended_gpu import CUDA, PretendedGpu
from tiny_dataset import make

from benchmarks import kernels
from workflow import ROOT
from xct4d import config, device
from xct4d.errors import InputError
from xct4d.fields import occupancy
from xct4d.fields.trained_model import TrainedModel
from xct4d.io.ome_zarr import open_volume
from xct4d.stages.canonical import canonical
from xct4d.stages.evaluate import evaluate
from xct4d.stages.export import export
from xct4d.stages.mixing import mixing
from xct4d.stages.prepare import prepare
from xct4d.stages.velocity import velocity
from xct4d.training.loop import accumulation
from xct4d.units import WORLD

GRID = config.HashGrid(levels=2, log2_size=8, coarsest=4, finest=16, width=8)
CANONICAL = config.Canonical(steps=40, rays=32, samples=8, grid=GRID, bake=16, evaluate_every=30, checkpoint_every=20, volume_weight=0.1)
LEVEL = config.Level(resolution=5, steps=3, learning_rate=1e-2, blur=0.05)
VELOCITY = config.Velocity(
    levels=[LEVEL],
    rays=32,
    samples=8,
    points=64,
    volume_weight=0.1,
    mismatch_weight=0.1,
    flat_field=config.DriftingFlatField(),
    evaluate_every=2,
    checkpoint_every=2,
)
MIXING = config.Mixing(method="spline", resolution=5, steps=2, rays=32, samples=8, flat_field=config.FlatField(), evaluate_every=2)


def pipeline(folder, prepared, where):
    """Every stage that takes a device, from prepared projections: the mixed volume at t = 0.5."""
    ends = {end: folder / "canonical" / end for end in ("forward", "backward")}
    known = torch.rand(16, 16, 16).numpy()
    for end, output in ends.items():
        canonical(CANONICAL, prepared[end], output, folder / f"{end}.checkpoint", folder / "board" / end, volume=known, device=where)
    velocity(VELOCITY, LEVEL, prepared, ends, None, folder / "5", folder / "5.checkpoint", folder / "board" / "5", device=where)
    finer = config.Level(resolution=7, steps=2, learning_rate=1e-2)
    velocity(VELOCITY, finer, prepared, ends, folder / "5", folder / "7", folder / "7.checkpoint", folder / "board" / "7", device=where)
    mixing(MIXING, prepared, ends, folder / "7", folder / "mixing", folder / "mixing.checkpoint", folder / "board" / "mixing", device=where)
    model = TrainedModel(**ends, velocity=folder / "7", mixing=MIXING, mixer=folder / "mixing")
    outputs = {kind: folder / f"{kind}.zarr" for kind in ("mixed", "forward", "backward")}
    export(settings=config.Export(resolution=100, tile=64), t=0.5, scale=WORLD, outputs=outputs, model=model, device=where)
    evaluate(
        volumes={(kind, 0.5): path for kind, path in outputs.items()}, prepared=prepared, truth=None,
        settings=config.Evaluate(resolution=12), output=folder / "evaluation", model=model, device=where,
    )  # fmt: skip
    return open_volume(outputs["mixed"])[:]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    given = config.Input(folder=str(make(folder / "dataset")))
    states = {state: folder / state for state in ("forward", "backward", "between")}
    for state, output in states.items():
        prepare(folder / "dataset", given, config.Prepare(target_size=None), state, output)
    return states


def test_every_stage_keeps_its_tensors_together(prepared, tmp_path, monkeypatch):
    # at full size most of the time would go into following empty cells, and into looking
    monkeypatch.setattr(occupancy, "CELLS", 8)
    monkeypatch.setattr("xct4d.training.inspection.motion.VOXELS", 8)
    waited = {}
    whole_step = accumulation.AccumulatedGradients.of

    def watched(self, step):
        before = len(gpu.waits)
        terms = whole_step(self, step)
        waited.setdefault(self._title, []).append(gpu.waits[before:])
        return terms

    monkeypatch.setattr(accumulation.AccumulatedGradients, "of", watched)
    with PretendedGpu() as gpu:
        there = pipeline(tmp_path / "gpu", prepared, CUDA)
    # no step waits for the GPU
    assert not any(waited["velocity 5"] + waited["velocity 7"] + waited["mixing"])
    assert not any(waited["canonical"][1:40] + waited["canonical"][41:])  # the first one of each scan prepares
    here = pipeline(tmp_path / "cpu", prepared, torch.device("cpu"))
    assert there.shape == here.shape
    assert abs(there.mean() / here.mean() - 1) < 0.2  # other random numbers


def test_the_pretended_gpu_refuses_what_a_real_one_refuses():
    with PretendedGpu():
        there, here = torch.ones(3, device=CUDA), torch.ones(3)
        assert (there.device.type, here.device.type) == ("cuda", "cpu")
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(TypeError, match="numpy"):
            (2 * there).numpy()
        assert (there + here.to(CUDA)).cpu().numpy().tolist() == [2, 2, 2]


def holder(place, **variables):
    """A process that leases one of two GPUs, says which, and stays until its input ends."""
    script = f"""
        import sys, torch
        from xct4d import device
        device.LEASE = {place!r}
        torch.cuda.device_count = lambda: 2
        device._missing = lambda: None
        with device.leased("auto") as chosen:
            import os
            print(os.environ["CUDA_VISIBLE_DEVICES"], chosen, flush=True)
            sys.stdin.read()
    """
    environment = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID")} | variables
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    )  # fmt: skip


def test_jobs_share_the_gpus_and_a_killed_one_leaks_nothing(tmp_path):
    place = f"xct4d-test-{tmp_path}"
    first, second = holder(place), holder(place)
    names = {process.stdout.readline().strip() for process in (first, second)}
    assert names == {"0 cuda", "1 cuda"}
    third = holder(place)
    said = third.stderr.readline()
    assert "waits for a GPU: all 2 are in use by process" in said
    assert {f"process {process.pid} of user {os.getuid()}" for process in (first, second)} == set(
        re.findall(r"process \d+ of user \d+", said)
    )
    assert third.poll() is None
    first.send_signal(signal.SIGKILL)
    got = third.stdout.readline().strip()
    assert got in names
    started = time.monotonic()
    for process in (second, third):
        process.communicate("")
        assert process.returncode == 0
    assert time.monotonic() - started < 60
    first.communicate()


def test_jobs_of_slurm_do_not_wait_for_each_other(tmp_path):
    """Where SLURM hides the other devices, every job's own is called 0; within a job of several, they are shared."""
    held = []
    for job, given, got in (("7", "0", "0 cuda"), ("8", "0", "0 cuda"), ("8", "0,1", "1 cuda")):
        held.append(holder(f"xct4d-test-{tmp_path}", SLURM_JOB_ID=job, CUDA_VISIBLE_DEVICES=given))
        assert held[-1].stdout.readline().strip() == got
    for process in held:
        process.communicate("")


def test_no_file_decides_about_a_lease(tmp_path):
    """What another user may plant in a shared temporary folder, or another $TMPDIR, changes nothing."""
    place = f"xct4d-test-{tmp_path}"
    first = holder(place, TMPDIR=str(tmp_path))
    assert first.stdout.readline().strip() == "0 cuda"
    os.mkfifo(tmp_path / "xct4d-gpus")
    (tmp_path / "other").mkdir()
    second = holder(place, TMPDIR=str(tmp_path / "other"))
    assert second.stdout.readline().strip() == "1 cuda"
    assert os.listdir(tmp_path / "other") == []
    for process in (first, second):
        process.communicate("")


def test_only_visible_gpus_are_leased(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert device.visible() == ["3", "5"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert device.visible() == ["0", "1"]


def test_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for setting in ("auto", "cpu"):
        with device.leased(setting) as chosen:
            assert chosen.type == "cpu"
    with pytest.raises(InputError, match="device: cuda: PyTorch finds no CUDA GPU"), device.leased("cuda"):
        pass


def test_a_gpu_without_numba_cuda_is_said(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(device, "_missing", lambda: "numba-cuda is not installed")
    with device.leased("auto") as chosen:
        assert chosen.type == "cpu"
    assert "numba-cuda is not installed" in capsys.readouterr().err
    with pytest.raises(InputError, match="numba-cuda is not installed"), device.leased("cuda"):
        pass


def test_a_numba_cuda_that_does_not_load_is_said(monkeypatch):
    def fails(name):
        raise AttributeError(f"module '{name}' has no attribute 'NPDatetime'")

    monkeypatch.setattr(device, "find_spec", lambda name: name)
    monkeypatch.setattr(device, "import_module", fails)
    assert device._missing() == "numba-cuda does not load (module 'numba.cuda' has no attribute 'NPDatetime')"


def test_the_benchmark_s_two_sides_run_there():
    with PretendedGpu():
        points = kernels.ray_points(128, CUDA)
        for pair in (kernels.canonical(points, 2), kernels.velocity(points, 5), kernels.sampling(points, 8), kernels.mixing(points, 5)):
            for side in pair:
                side()
