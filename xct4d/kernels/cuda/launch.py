"""Launches of kernels on torch's tensors: where they lie, without copies, on torch's current stream."""

from __future__ import annotations

import functools

import numba
import torch
from numba import cuda
from torch import Tensor

from xct4d.scalar import SIMULATED, accumulate

WARP = 32  # threads that run in step
THREADS = WARP if SIMULATED else 128  # of a block; the simulator starts a Python thread for each

numba.config.CUDA_LOW_OCCUPANCY_WARNINGS = 0  # small grids are meant: a flat field has six numbers, and each new size would be warned of anew

kernel = cuda.jit(fastmath=True, cache=not SIMULATED)

if not SIMULATED:
    from numba.cuda.extending import overload

    @overload(accumulate, target="cuda")
    def _accumulate_on_cuda(array, index, value):
        def add(array, index, value):
            cuda.atomic.add(array, index, value)

        return add


def blocks(count: int) -> int:
    """Blocks of THREADS threads that make at least `count`."""
    return (count + THREADS - 1) // THREADS


def launch(function, grid: tuple[int, ...], threads: int, *arguments: Tensor | float) -> None:
    """Start a kernel on a grid of blocks; an empty grid starts none. Tensors must be contiguous."""
    if 0 in grid:
        return
    if SIMULATED:
        function[grid, threads](*(a.detach().numpy() if isinstance(a, Tensor) else a for a in arguments))
    else:
        stream = _stream(torch.cuda.current_stream().cuda_stream)
        function[grid, threads, stream](*(cuda.as_cuda_array(a.detach(), sync=False) if isinstance(a, Tensor) else a for a in arguments))


def each(function, count: int, *arguments: Tensor | float) -> None:
    """Start a kernel with a thread for each of `count` things."""
    launch(function, (blocks(count),), THREADS, *arguments)


@functools.cache
def _stream(address: int):
    return cuda.external_stream(address)
