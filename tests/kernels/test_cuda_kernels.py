"""The CUDA kernels on any machine: on a GPU, in numba's simulator, and compiled for devices that are not there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

CASES = Path(__file__).parent / "kernels_on_cuda.py"
LAUNCHES = CASES.with_name("launched_on_a_pretended_driver.py")


def run(cases=CASES, **environment):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        str(cases),
        *(["-p", "compiled_for_cuda"] if environment.pop("compile", False) else []),
    ]
    paths = os.pathsep.join([str(CASES.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=CASES.parents[2], env=os.environ | {"PYTHONPATH": paths} | environment
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_values_and_gradients():
    run(**({} if torch.cuda.is_available() else {"NUMBA_ENABLE_CUDASIM": "1"}))


@pytest.mark.parametrize("capability", ["7.5", "9.0"])  # T4, H100
def test_every_kernel_compiles(capability):
    """Types, and the atomic additions, as far as a compiler can tell without a device."""
    pytest.importorskip("cuda.core", reason="numba-cuda is not installed")
    run(compile=True, XCT4D_TEST_CAPABILITY=capability)


def test_launches_pass_what_numba_would_pass(tmp_path):
    pytest.importorskip("cuda.core", reason="numba-cuda is not installed")
    if shutil.which("cc") is None or torch.cuda.is_available():
        pytest.skip("no C compiler, or a GPU: its driver cannot be asked what a kernel received")
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", tmp_path / "libcuda.so.1", CASES.with_name("pretended_driver.c")], check=True)
    run(LAUNCHES, LD_LIBRARY_PATH=str(tmp_path))
