"""What the motion takes from the scans: their voxels, and the brightness of the beam."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField


def baked_volumes(canonicals: Mapping[Direction, Path]) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation [n, n, n] of the scan at t = 0 and of that at t = 1, from the output folders of the canonical stage."""
    first, second = (BakedField.load(canonicals[direction] / "baked.safetensors").volume.numpy() for direction in SCAN_TIME)
    return first, second


def beam_levels(canonicals: Mapping[Direction, Path], declared: Mapping[str, float]) -> list[float]:
    """f of the sequence's I0 level exp(-f) at the time of each scan that there is.

    It is the scan's trained f. declared: the I0 that the files of each state say;
    where that of the sequence differs from a scan's, f is shifted by the
    difference of -log(I0), as the scan was trained with another I0.
    """
    found = []
    for direction, time in SCAN_TIME.items():
        if direction in canonicals:
            shift = math.log(declared[direction] / declared.get("between", declared[direction]))
            found.append(FlatField.load(canonicals[direction] / "flatfield.safetensors").level(time) + shift)
    return found
