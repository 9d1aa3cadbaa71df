"""What a motion does to the material it carries: finite strain (Holzapfel 2000, chapter 2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def deformation_gradient(motion: Callable[[np.ndarray], np.ndarray], points: np.ndarray, step: float) -> np.ndarray:
    """F = d motion(x) / dx at points [N, 3] by central differences: [N, 3, 3].

    motion: carries points [M, 3] to where the material goes. step: half the
    distance (world units) between the points that are compared.
    """
    offsets = np.concatenate([step * np.eye(3), -step * np.eye(3)])  # ahead along x, y, z, then behind
    carried = motion((points[:, None] + offsets).reshape(-1, 3)).reshape(-1, 6, 3)
    return (carried[:, :3] - carried[:, 3:]).transpose(0, 2, 1) / (2 * step)


def volume_change(gradient: np.ndarray) -> np.ndarray:
    """det F - 1 of [N, 3, 3]: the part by which each volume element has grown: [N]."""
    return np.linalg.det(gradient) - 1


def equivalent_strain(gradient: np.ndarray) -> np.ndarray:
    """sqrt(2/3 E':E') of [N, 3, 3], E' the deviator of the Green-Lagrange strain: [N]. Zero for rigid motions."""
    green = (gradient.transpose(0, 2, 1) @ gradient - np.eye(3)) / 2
    deviator = green - np.trace(green, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    return np.sqrt(2 / 3 * np.square(deviator).sum(axis=(1, 2)))
