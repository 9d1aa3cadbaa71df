"""Weights of cubic B-splines in time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from xct4d.device import sent
from xct4d.kernels.shared import bspline_matrices as bspline


def time_weights(modes: int, times: np.ndarray | Sequence[float], device: torch.device) -> Tensor:
    """Weights [T, modes] float32 of a spline's control points at times [T]; the control points span [0, 1] as `kernels.bspline` says."""
    return _weights(modes, tuple(np.asarray(times, float).tolist()), device)


# A training comes back to the same times step after step.
@lru_cache(256)
def _weights(modes: int, times: tuple[float, ...], device: torch.device) -> Tensor:
    return sent(bspline.basis(modes, 2 * np.array(times) - 1).astype(np.float32), device)
