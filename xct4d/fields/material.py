"""What counts as material: attenuation above a stated part of that of the densest material.

The densest material is the 99.9th percentile of the attenuation, not its
maximum: a few bright specks (noise of the reconstruction) must not decide.
The parts differ by what an error costs:

OCCUPIED  1 %, low: a place that is wrongly left out gets no samples and follows
          no motion, so that its material is lost; one that is wrongly kept only
          costs time.
SOLID     30 %, high: strain is penalised and shown where there certainly is
          material; the blurred rim of an object has no motion of its own.
TRUE      5 % of the largest attenuation of a known object, which has neither
          noise nor blur: points at which displacements are scored.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

DENSEST = 0.999  # quantile of attenuation: the densest material
OCCUPIED = 0.01
SOLID = 0.3
TRUE = 0.05


def may_be_material(attenuation: Tensor) -> Tensor:
    """Which cells may hold material, given the largest attenuation found in each: bool of the same shape."""
    return attenuation > OCCUPIED * attenuation.quantile(DENSEST)


def densest(attenuation: Tensor) -> Tensor:
    """Attenuation of the densest material among values of any shape: a scalar."""
    values = attenuation.reshape(-1).float()
    return values.kthvalue(max(int(DENSEST * len(values)), 1)).values  # torch's quantile takes 16 million values at most


def solid_points(volume: Tensor) -> Tensor:
    """Centres [M, 3] of the voxels of a volume [n, n, n] (z, y, x) over the box that are solid material."""
    return (torch.nonzero(volume > SOLID * densest(volume)).flip(1) + 0.5) * (2 / len(volume)) - 1


def is_occupied(attenuation: np.ndarray) -> np.ndarray:
    """Which of a volume's values may be material: bool of the same shape."""
    return attenuation > OCCUPIED * np.quantile(attenuation, DENSEST)


def is_solid(attenuation: np.ndarray) -> np.ndarray:
    """Which of the values are of solid material: bool of the same shape."""
    return attenuation > SOLID * np.quantile(attenuation, DENSEST)


def is_true_material(attenuation: np.ndarray, largest: float) -> np.ndarray:
    """Which of a known object's values are of material, `largest` being that of the whole object: bool of the same shape."""
    return attenuation > TRUE * largest
