"""Adam (Kingma and Ba 2015, algorithm 1) in one pass over the memory.

An entry whose gradient is exactly zero is left alone, its moments included: of
a hash table or a spline most entries are untouched by a batch, and skipping them
is most of the speed (tiny-cuda-nn's Adam does the same for hash tables).
"""

from __future__ import annotations

import math

from torch import Tensor

from xct4d.kernels.cpu import adam as cpu
from xct4d.kernels.dispatch import Twins
from xct4d.kernels.shared.adam import BETA1, BETA2, EPSILON

__all__ = ["BETA1", "BETA2", "EPSILON", "adam_step"]


def _cuda():
    from xct4d.kernels.cuda import adam

    return adam


STEP = Twins(cpu.step, lambda: _cuda().step)


def adam_step(
    value: Tensor,  # [N] float32: the parameters
    grad: Tensor,  # [N] float32: their gradient
    first: Tensor,  # [N] float32: first moment, zeros before the first step
    second: Tensor,  # [N] float32: second moment, likewise
    *,
    rate: float,
    step: int,
) -> None:
    """One step, in place: changes value, first and second.

    rate: the learning rate. step: number of this step, from 1, which Adam's bias correction needs.
    """
    STEP(value, grad, first, second, rate / (1 - BETA1**step), 1 / math.sqrt(1 - BETA2**step))
