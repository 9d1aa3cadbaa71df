"""What the host spends on starting a kernel: our launches beside numba's own, in one run.

    python -m benchmarks.launches

Every launch is given arrays of another length, as training does. Without a
GPU it needs a driver that computes nothing, which tells the host's part all
the same (tests/kernels/pretended_driver.c):

    cc -shared -fPIC -w -o /some/folder/libcuda.so.1 tests/kernels/pretended_driver.c
    LD_LIBRARY_PATH=/some/folder python -m benchmarks.launches
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from numba import cuda
from torch import Tensor

from xct4d.kernels.cuda import launch as ours
from xct4d.kernels.cuda import trilinear

LAUNCHES = 200


class Array:
    """What numba asks of a tensor on the GPU."""

    def __init__(self, tensor: Tensor):
        kind = np.dtype(str(tensor.dtype).removeprefix("torch.")).str
        self.__cuda_array_interface__ = {"shape": tuple(tensor.shape), "typestr": kind, "data": (tensor.data_ptr(), False), "version": 2}


def arguments(count: int, device: str) -> tuple:
    points = torch.rand(count, 3, device=device)
    return torch.rand(4096, device=device), 16, points, True, points.new_empty(count), torch.empty_like(points)


def microseconds(start: Callable[[tuple], None], device: str) -> float:
    """Median over launches."""
    taken = []
    for count in range(100_000, 100_000 + LAUNCHES):
        given = arguments(count, device)
        before = time.perf_counter()
        start(given)
        taken.append(time.perf_counter() - before)
    return float(1e6 * np.median(taken))


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.cuda.current_stream = lambda: SimpleNamespace(cuda_stream=0)
        torch.cuda.get_device_capability = lambda: (9, 0)
        torch.cuda.current_device = lambda: 0
    jitted = cuda.jit(fastmath=True)(trilinear._sample)
    stream = cuda.external_stream(torch.cuda.current_stream().cuda_stream)

    def by_numba(given: tuple) -> None:
        jitted[(800,), 128, stream](*(cuda.as_cuda_array(Array(a), sync=False) if isinstance(a, Tensor) else a for a in given))

    def by_us(given: tuple) -> None:
        ours.launch(trilinear._sample, (800,), 128, *given)

    for start in (by_us, by_numba):
        start(arguments(1000, device))
    mine, numbas = microseconds(by_us, device), microseconds(by_numba, device)
    driver = torch.cuda.get_device_name() if device == "cuda" else "pretended driver"
    print(json.dumps({"driver": driver, "xct4d_us": round(mine, 1), "numba_us": round(numbas, 1), "ratio": round(numbas / mine, 1)}))


if __name__ == "__main__":
    main()
