"""Volumes whose every voxel is known and differs from its neighbours, and what is read back of them."""

from pathlib import Path
from typing import Any

import numpy as np

from xct4d.io.ome_zarr import open_volume


def ramp(shape=(10, 12, 14)):
    """Attenuation that differs along every axis, 0 to 5.8 per world unit: [z, y, x] float32."""
    z, y, x = np.indices(shape)
    return (0.3 * z + 0.2 * y + 0.1 * x / (shape[2] - 1) * 9).astype(np.float32)


def arrows(shape=(10, 12, 14)):
    """Vectors with components (x, y, z) that differ, -1 to 2.9 world units: [component, z, y, x] float32."""
    return np.stack([ramp(shape) / 2, -ramp(shape) / 6, np.ones(shape, np.float32)])


def read_volume(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """The whole finest level in the stored unit, and the attributes."""
    volume = open_volume(path)
    return volume[:], volume.attributes
