"""Device functions: functions of scalars that the raw kernels of both targets call, those for CPUs and those for CUDA devices.

numba compiles the same Python function for the target of the kernel that calls
it. In numba's simulator of a CUDA device (NUMBA_ENABLE_CUDASIM=1, for tests)
kernels are plain Python, and so are these functions.
"""

from __future__ import annotations

import threading

from numba.extending import overload

from xct4d.compilation import numba

SIMULATED = bool(numba.config.ENABLE_CUDASIM)


def scalar(function=None, **options):
    """Decorator of a device function; options: those of numba.njit, `fastmath` where none are given."""
    if function is None:
        return lambda function: scalar(function, **options)
    return function if SIMULATED else numba.njit(**(options or {"fastmath": True}))(function)


_one_at_a_time = threading.Lock()


def accumulate(array, index, value):
    """array[index] += value; atomic on CUDA devices, where the threads share the array."""
    with _one_at_a_time:  # runs in the simulator only, whose threads are Python's
        array[index] += value


@overload(accumulate, jit_options={"fastmath": True})
def _accumulate_on_cpu(array, index, value):
    def add(array, index, value):
        array[index] += value

    return add
