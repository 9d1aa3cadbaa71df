"""Which of its two implementations a kernel runs: the device of its tensors decides, here and nowhere else."""

from __future__ import annotations

import functools

from torch import Tensor

from xct4d.kernels.scalar import SIMULATED


def on_cuda(tensor: Tensor) -> bool:
    """Whether the kernels in kernels.cuda work on a tensor; in numba's simulator they work on all."""
    return tensor.is_cuda or SIMULATED


def per_device(function):
    """Decorator of a function whose first argument is a tensor: on a CUDA device its namesake in the module of
    the same name in kernels.cuda takes over."""
    module = function.__module__.rpartition(".")[2]

    @functools.wraps(function)
    def chosen(tensor, *others, **named):
        if on_cuda(tensor):
            from xct4d.kernels import cuda  # only now: it needs what only users of a GPU have

            return getattr(getattr(cuda, module), function.__name__)(tensor, *others, **named)
        return function(tensor, *others, **named)

    return chosen
