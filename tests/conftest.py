"""How the tests share a machine: the longest files first, and one thread for each process."""

from pathlib import Path

import numba
import pytest
import torch

from xct4d.workflow.failures import TOLD_LAST

# The longest first, so that no process is left alone with one of them at the end. The first compiles kernels for
# the others: the second waits for it, and the next few need none.
LONGEST = (
    "test_pipeline", "test_slurm", "test_reruns", "test_module_use", "test_two_commands", "test_conda", "test_extending_page",
    "test_kills", "test_motion_benchmark", "test_cuda_kernels", "test_check_stage", "test_evaluate", "test_join",
    "test_alignment", "test_compilation", "test_device", "test_kernels", "test_diagnose", "test_ome_zarr",
)  # fmt: skip
# sums over threads are theirs to test
THREADED = ("test_kernels", "test_training", "test_integrals")


def pytest_collection_modifyitems(items):
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(Path(item.path).stem, len(rank)))


def pytest_configure(config):
    config.option.loadscopereorder = False  # else xdist begins with the files of the most tests
    # several processes test at once: their threads would only wait for each other
    numba.set_num_threads(1)
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def all_threads(request):
    if request.path.stem not in THREADED:
        yield
        return
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    yield
    numba.set_num_threads(1)


@pytest.fixture(autouse=True)
def nothing_is_promised(monkeypatch):
    """A test that reads the Snakefile in this process leaves its promise to tell failures last to those after it."""
    monkeypatch.delenv(TOLD_LAST, raising=False)
