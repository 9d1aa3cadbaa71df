"""Kernels receive from our launches what they receive from numba's own; run by test_cuda_kernels.py on a driver that computes nothing."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numba import cuda, types

from benchmarks.launches import Array
from xct4d.kernels.cuda import adam, flow, hashgrid, occupancy, ray_sampling, segments, trilinear
from xct4d.kernels.cuda import launch as ours

STREAM = 0x77
DRIVER = ctypes.CDLL("libcuda.so.1")
count, width = (ctypes.c_int.in_dll(DRIVER, "count"), (ctypes.c_int * 256).in_dll(DRIVER, "width"))
value, shape, stream = (
    (ctypes.c_uint64 * 256).in_dll(DRIVER, "value"),
    (ctypes.c_uint * 6).in_dll(DRIVER, "shape"),
    ctypes.c_uint64.in_dll(DRIVER, "stream"),
)

points, numbers, voxels, flags, whole = (
    torch.rand(1000, 3),
    torch.rand(64),
    torch.rand(4096).half(),
    torch.zeros(4, 4, 4, dtype=torch.bool),
    torch.arange(5),
)
LAUNCHES = [
    (trilinear._sample, (8,), (voxels, 16, points, True, numbers, points)),
    (adam._step, (1,), (numbers, numbers, numbers, numbers, np.float32(0.1), np.float32(0.2), np.float32(1e-15))),
    (occupancy._mark, (8,), (points, 0.5, flags)),
    (hashgrid._encode, (8, 16), (points, numbers, numbers, whole, whole, points)),
    (ray_sampling._place, (3,), (points, points, flags.view(-1), whole, points)),
    (segments._sum, (4,), (numbers, whole, numbers)),
    (
        flow._flow,
        (8,),
        (numbers, 4, whole, whole.view(1, 1, 5), whole, numbers, numbers, numbers, points, False, torch.zeros(1, 1, 1, 3), points),
    ),
]


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=STREAM))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)


def received(kinds):
    return list(value)[: len(kinds)], list(shape), stream.value


@pytest.mark.filterwarnings("ignore")  # numba: of small grids
@pytest.mark.parametrize(("function", "grid", "arguments"), LAUNCHES, ids=lambda x: getattr(x, "__name__", ""))
def test_parameters(function, grid, arguments):
    bytes_of = []
    for kind in ours.signature(tuple(map(ours.kind, arguments))):
        bytes_of += [8] * (5 + 2 * kind.ndim) if isinstance(kind, types.Array) else [1 if kind == types.boolean else kind.bitwidth // 8]
    count.value = len(bytes_of)
    width[: len(bytes_of)] = bytes_of

    ours.launch(function, grid, 128, *arguments)
    mine = received(bytes_of)
    ctypes.memset(value, 0, ctypes.sizeof(value))
    jitted = cuda.jit(fastmath=True)(function)
    jitted[grid, 128, cuda.external_stream(STREAM)](
        *(cuda.as_cuda_array(Array(a)) if isinstance(a, torch.Tensor) else a for a in arguments)
    )
    assert mine == received(bytes_of)
    assert mine[1:] == ([*grid, 1, 1, 1][:3] + [128, 1, 1], STREAM)
    assert any(mine[0])


def test_an_empty_grid_starts_nothing():
    stream.value = 0
    ours.launch(occupancy._mark, (0,), 128, points[:0], 0.5, flags)
    assert stream.value == 0  # the driver heard of nothing


def test_what_is_not_contiguous_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 1000\) that is not contiguous"):
        ours.launch(occupancy._mark, (8,), 128, points.T, 0.5, flags)
