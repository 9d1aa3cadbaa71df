"""Sums over segments in plain torch, for tests and benchmarks."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_sum(values: Tensor, start: Tensor) -> Tensor:
    """As kernels.segments.segment_sum."""
    ray = torch.repeat_interleave(torch.arange(len(start) - 1), start.diff())
    return torch.zeros(len(start) - 1).index_add(0, ray, values)
