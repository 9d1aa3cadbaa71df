"""The two scans as voxels, as the motion is fitted to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.baked import BakedField


def baked_volumes(canonicals: Mapping[Direction, Path]) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation [n, n, n] of the scan at t = 0 and of that at t = 1, from the output folders of the canonical stage."""
    first, second = (BakedField.load(canonicals[direction] / "baked.safetensors").volume.numpy() for direction in SCAN_TIME)
    return first, second
