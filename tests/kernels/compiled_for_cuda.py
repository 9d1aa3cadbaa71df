"""Plugin of pytest for machines without a GPU: launches compile their kernel for a device and compute nothing.

Down to the machine code, optimised while it is linked, as a real launch does.
What a test then finds wrong with the values does not count; a kernel that does not compile does.
"""

import os
import re
from types import SimpleNamespace

import pytest
import torch
from numba.cuda import dispatcher as numba_dispatcher

from xct4d.kernels import dispatch
from xct4d.kernels.cuda import launch

CAPABILITY = tuple(int(digit) for digit in os.environ["XCT4D_TEST_CAPABILITY"].split("."))
numba_dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CAPABILITY)
KERNELS = 17  # of kernels.cuda
compiled = {}


def compile_only(function, grid, threads, *arguments):
    for argument in arguments:
        launch.parameters(argument)
    kinds = tuple(map(launch.kind, arguments))
    name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
    if (name, kinds) not in compiled:
        code = launch.intermediate_code(function, kinds, CAPABILITY)
        compiled[name, kinds] = launch.machine_code(code, kinds, CAPABILITY)
        if bool(re.search(r"\b(atom|red)\.", code)) != name.endswith("_adjoint"):
            raise RuntimeError(f"{name}: adds atomically where it need not, or does not where it must")
    for a in arguments:
        if isinstance(a, torch.Tensor) and a.dtype == torch.bool:
            a.zero_()  # what a kernel would have written


dispatch.on_cuda = lambda tensor: True
for module in ("adam", "bspline", "flow", "hashgrid", "occupancy", "ray_sampling", "segments", "trilinear"):
    loaded = __import__(f"xct4d.kernels.cuda.{module}", fromlist=["x"])
    if hasattr(loaded, "launch"):
        loaded.launch = compile_only
launch.launch = compile_only


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    try:
        return (yield)
    except AssertionError:  # of values
        return True


def pytest_collection_modifyitems():
    import kernels_on_cuda

    kernels_on_cuda.DEVICE = torch.device("cpu")


def pytest_sessionfinish(session):
    names = sorted({name for name, _ in compiled})
    if len(names) != KERNELS:
        session.exitstatus = 1
        print(names)
