"""The perceptron, on CUDA devices, by torch: cuBLAS computes its matrix products, and a GPU's memory is fast enough to store the hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor


def perceptron(inputs: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """As cpu.mlp.perceptron; differentiable in everything."""
    return torch.relu(inputs @ inner) @ outer
