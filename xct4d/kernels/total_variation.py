"""Denoising of a volume by its total variation.

Rudin, Osher and Fatemi (Physica D 60, 1992): the non-negative volume u that
minimises |u - v|^2 / 2 + weight * sum of the lengths of u's gradient, by
projected gradient steps on the dual (Chambolle 2004; Beck and Teboulle 2009).
Edges stay, as a jump costs its height however sharp it is.
"""

from __future__ import annotations

from torch import Tensor

from xct4d.kernels.cpu import total_variation as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["denoise"]


def _cuda():
    from xct4d.kernels.cuda import total_variation

    return total_variation


DENOISE = Twins(cpu.denoise, lambda: _cuda().denoise)


def denoise(
    volume: Tensor,  # [n, n, n] (y, x, z) float32
    dual: Tensor,  # [3, n, n, n] float32: where the steps start and end; zero at first
    span: Tensor,  # [2, n, n] int32: first z and past the last z of each column that is denoised
    weight: float,  # above zero, in the unit of the volume
    steps: int,
) -> Tensor:  # [n, n, n] (y, x, z) float32, at least zero; zero outside the span
    """The denoised volume after so many dual steps, which change `dual` in place: a later call with a similar volume goes on there."""
    return DENOISE(volume, dual, span, weight, steps)
