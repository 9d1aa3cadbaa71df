"""Launches of kernels on torch's tensors: where they lie, without copies, on torch's current stream.

numba compiles a kernel for the types of its arguments; NVIDIA's cuda.core loads
and starts it. numba's own launches look at every array anew and wrap it, which
takes the host longer than most of the kernels run (benchmarks/launches.py).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from itertools import chain

import numpy as np
import torch
from numba import cuda, types
from torch import Tensor

from xct4d.compilation import stored
from xct4d.kernels.shared.scalar import SIMULATED, accumulate

WARP = 32  # threads that execute one instruction together
THREADS = WARP if SIMULATED else 128  # of a block; the simulator starts a Python thread for each

# numba's types of scalars, and of the entries of tensors
SCALARS = {bool: types.boolean, int: types.int64, float: types.float64, np.float32: types.float32}
COMPILERS = ("numba", "numba-cuda", "cuda-core", "nvidia-nvvm", "nvidia-nvjitlink", "nvidia-nvjitlink-cu12")  # whichever there are

DTYPES = {torch.float32: types.float32, torch.float16: types.float16, torch.int64: types.int64, torch.bool: types.boolean}


def kernel(function: Callable) -> Callable:
    """Decorator of a raw kernel: in the simulator numba's, else none, as `launch` compiles it."""
    return cuda.jit(fastmath=True)(function) if SIMULATED else function


if not SIMULATED:
    from cuda.core import Device, Kernel, LaunchConfig, Linker, LinkerOptions, ObjectCode, Stream
    from cuda.core import launch as start
    from numba.cuda.extending import overload

    @overload(accumulate, target="cuda")
    def _accumulate_on_cuda(array, index, value):
        def add(array, index, value):
            cuda.atomic.add(array, index, value)

        return add


def blocks(count: int) -> int:
    """Blocks of THREADS threads that make at least `count`."""
    return (count + THREADS - 1) // THREADS


def launch(function: Callable, grid: tuple[int, ...], threads: int, *arguments: Tensor | float) -> None:
    """Start a raw kernel on a grid of blocks of so many threads, on torch's current stream; an empty grid starts nothing.

    Raises ValueError where a tensor is not contiguous.
    """
    if 0 in grid:
        return
    if SIMULATED:
        function[grid, threads](*(a.detach().numpy() if isinstance(a, Tensor) else a for a in arguments))
    else:
        code = _loaded(function, tuple(map(kind, arguments)))
        stream = _stream(torch.cuda.current_stream().cuda_stream)
        start(stream, LaunchConfig(grid=grid, block=threads), code, *chain.from_iterable(map(parameters, arguments)))


def each(function: Callable, count: int, *arguments: Tensor | float) -> None:
    """Start a raw kernel with at least `count` threads, as many as whole blocks have: those beyond must return at once."""
    launch(function, (blocks(count),), THREADS, *arguments)


def parameters(argument: Tensor | float) -> tuple:
    """What numba passes to a kernel for one argument.

    A scalar as it is; an array as the addresses of its owner's two objects
    (none), its number of entries, the bytes of one, its address, its shape, and
    its strides in bytes.
    """
    if not isinstance(argument, Tensor):
        return (argument,)
    if not argument.is_contiguous():
        raise ValueError(f"a kernel is given a tensor {tuple(argument.shape)} that is not contiguous")
    size = argument.element_size()
    return (0, 0, argument.numel(), size, argument.data_ptr(), *argument.shape, *(size * stride for stride in argument.stride()))


def kind(argument: Tensor | float) -> tuple[torch.dtype, int] | type:
    """The part of an argument that a kernel is compiled for: dtype and number of axes of a tensor, type of a scalar."""
    return (argument.dtype, argument.dim()) if isinstance(argument, Tensor) else type(argument)


def signature(kinds: tuple) -> tuple[types.Type, ...]:
    """numba's types of arguments, from their kinds."""
    return tuple(types.Array(DTYPES[k[0]], k[1], "C") if isinstance(k, tuple) else SCALARS[k] for k in kinds)


def intermediate_code(function: Callable, kinds: tuple, capability: tuple[int, int]) -> str:
    """PTX of a kernel for arguments of these kinds and a GPU of this compute capability."""
    return cuda.compile(function, signature(kinds), output="ptx", cc=capability, fastmath=True, device=False, abi="numba")[0]


def machine_code(intermediate: str, kinds: tuple, capability: tuple[int, int]) -> bytes:
    """The machine code that a kernel's PTX assembles to: the kernel's name there, a newline, and the code.

    Raises RuntimeError where numba passes arrays in another way than `parameters` knows.
    """
    name, declared = re.search(r"\.entry\s+([\w$]+)\((.*?)\)", intermediate, re.DOTALL).groups()
    expected = sum(5 + 2 * t.ndim if isinstance(t, types.Array) else 1 for t in signature(kinds))
    if declared.count(".param") != expected:
        raise RuntimeError(f"{name}: this numba-cuda passes arrays to kernels in a way unknown here; install another version")
    code = (
        Linker(ObjectCode.from_ptx(intermediate.encode()), options=LinkerOptions(arch=f"sm_{capability[0]}{capability[1]}"))
        .link("cubin")
        .code
    )
    return name.encode() + b"\n" + code


@functools.cache
def _loaded(function: Callable, kinds: tuple) -> Kernel:
    """A kernel loaded on the current GPU, compiled for it unless its machine code is stored."""
    Device(torch.cuda.current_device()).set_current()  # a thread of autograd may be the first to ask for anything
    capability = torch.cuda.get_device_capability()
    what = f"{function.__module__}.{function.__name__}-{'-'.join(map(str, signature(kinds)))}-{capability}"

    def compiled() -> bytes:
        return machine_code(intermediate_code(function, kinds, capability), kinds, capability)

    name, code = stored(f"{what}-{torch.version.cuda}", COMPILERS, compiled).split(b"\n", 1)
    return ObjectCode.from_cubin(code).get_kernel(name.decode())


@functools.cache
def _stream(address: int) -> Stream:
    """cuda.core's object for a CUDA stream of torch."""
    return Stream.from_handle(address)
