"""The perceptron in plain torch, for tests and benchmarks."""

from __future__ import annotations

import torch
from torch import Tensor


def perceptron(inputs: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """As kernels.mlp.perceptron."""
    return torch.relu(inputs @ inner) @ outer
