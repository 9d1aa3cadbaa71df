"""make gpu-check, as far as a machine without a GPU can tell."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_check, gpu_profile
from workflow import ROOT

TAGS = "cw51cXTLSUwv1sDUaKthqaNgoKmjgOR3W3CwAkMQ6ntbdO9Xq4Ok1GuB2tATgy0oYUKEIekOSQA1LcEkkPxmCzEYZKe6lQJEXh0oB"


def test_it_says_that_there_is_no_gpu():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu_check"], check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "gpu-check: PyTorch finds no CUDA GPU; nothing was checked\n")


@pytest.fixture
def checked(monkeypatch, tmp_path):
    """Runs some parts, whose outcomes are given, and returns (exit status, record)."""
    output = tmp_path / "results" / "gpu.json"

    def check(*parts, **outcomes):
        monkeypatch.setattr(gpu_check, "missing", lambda: None)
        monkeypatch.setattr(gpu_check, "machine", lambda: {"gpu": "none"})
        monkeypatch.setattr(gpu_check, "lacking", lambda part: "zarr not installed" if part == "kelvin" else None)
        for name, outcome in outcomes.items():
            monkeypatch.setitem(gpu_check.PARTS, name, lambda outcome=outcome: outcome)
        monkeypatch.setattr(sys, "argv", ["gpu_check", "--output", str(output), "--only", *parts])
        with pytest.raises(SystemExit) as stopped:
            gpu_check.main()
        return stopped.value.code, json.loads(output.read_text())

    return check


def test_what_was_not_checked_is_named_with_the_reason(checked):
    status, record = checked("tests", "kelvin", tests={"passed": True})
    assert status == 0
    assert record["parts"]["tests"]["passed"]
    assert record["skipped"]["kelvin"] == "zarr not installed"
    assert record["skipped"]["balls"] == "not asked for"
    assert "tests" not in record["skipped"]


def test_a_part_that_fails_loses_no_other(checked):
    checked("tests", tests={"passed": True})
    status, record = checked("kernels", "profile", kernels={"figures": {"a": 1}, "failed": "out of memory"}, profile={"us": 2})
    assert status == 1
    assert record["parts"]["tests"]["passed"]
    assert record["parts"]["kernels"]["figures"] == {"a": 1}
    assert record["parts"]["profile"]["us"] == 2


def test_a_part_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(gpu_check, "LONGEST", 0.5)
    done = gpu_check._python("-c", "import time; time.sleep(30)")
    assert (done.returncode, done.stderr) == (1, "\nnot done within 0.5 s")


@pytest.mark.parametrize("name", list(gpu_profile.WORK))
def test_our_kernels_are_known_in_a_profile(name):
    """By the names that numba gives them (read off linked code), and as profilers print them."""
    assert (
        gpu_profile.known(f"_ZN5xct4d7kernels4cuda4flow{len(name)}{name}B2v6B118{TAGS}_2bQY12oCAA_3d_3dE5ArrayIfLi1E1C7mutable7alignedE")
        == name
    )
    assert gpu_profile.known(f"xct4d::kernels::cuda::flow::{name}[abi:v1][abi:{TAGS}](Array<float, 1, C, mutable, aligned>)") == name
    assert gpu_profile.known("void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>>(int)") is None


def test_the_tests_that_it_runs_exist():
    named = re.findall(r'"(tests/[\w/]+\.py)(?:::(\w+))?"', Path(gpu_check.__file__).read_text())
    assert len(named) == 3
    for file, function in named:
        assert f"def {function}" in (ROOT / file).read_text()
