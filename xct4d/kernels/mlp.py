"""A perceptron with one hidden layer, one output and no biases."""

from __future__ import annotations

from torch import Tensor

from xct4d.kernels.cpu import mlp as cpu
from xct4d.kernels.dispatch import Twins

__all__ = ["perceptron"]


def _cuda():
    from xct4d.kernels.cuda import mlp

    return mlp


PERCEPTRON = Twins(cpu.perceptron, lambda: _cuda().perceptron)


def perceptron(
    inputs: Tensor,  # [N, I] float32
    inner: Tensor,  # [I, H] float32: weights of the hidden layer
    outer: Tensor,  # [H] float32: weights of the output
) -> Tensor:  # [N] float32
    """relu(inputs inner) outer; differentiable in everything."""
    return PERCEPTRON(inputs.contiguous(), inner, outer)
