"""Random points and directions at which loss terms are evaluated."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent


def random_points(rng: np.random.Generator, count: int, device: torch.device) -> Tensor:
    """Points [count, 3] float32, uniform in the box [-1, 1]^3."""
    return sent(rng.uniform(-1, 1, (count, 3)).astype(np.float32), device)


def random_directions(rng: np.random.Generator, count: int, device: torch.device) -> Tensor:
    """Unit vectors [count, 3] float32, uniform on the sphere."""
    vectors = rng.normal(size=(count, 3)).astype(np.float32)
    return sent(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), device)


def chosen_points(points: Tensor, rng: np.random.Generator, count: int) -> Tensor:
    """`count` of the points [M, 3], drawn with replacement: [count, 3]."""
    return points[sent(rng.integers(len(points), size=count), points.device)]
