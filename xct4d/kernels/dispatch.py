"""Which of its two implementations a function runs: the device of its first tensor decides, here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from xct4d.kernels.shared.scalar import SIMULATED


def on_cuda(tensor: Tensor) -> bool:
    """Whether the implementations in kernels.cuda work on a tensor; in numba's simulator they work on all."""
    return tensor.is_cuda or SIMULATED


@dataclass(frozen=True)
class Twins:
    """The two implementations of one function; a call runs the one for the device of its first argument, a tensor.

    cpu: the implementation for CPUs. cuda: called without arguments, it imports
    and returns the one for CUDA devices, which needs packages that only users of
    a GPU have. Both take the same arguments, and compute no derivatives unless
    they say so.
    """

    cpu: Callable[..., Any]
    cuda: Callable[[], Callable[..., Any]]

    def __call__(self, tensor: Tensor, *others: Any) -> Any:
        chosen = self.cuda() if on_cuda(tensor) else self.cpu
        return chosen(tensor, *others)
