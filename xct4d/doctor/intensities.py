"""Are the images transmissions? Looked at before any geometry: inverted images agree with each other better than right ones.

Air is what the left and right edges of the images show, where these are even.
A sample must be darker than air, and air as bright as the flat field says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from xct4d.doctor.evidence import EDGE

Kind = Literal["transmission", "inverted", "logarithm", "undivided"]
DARKEST = 1e-3  # transmission below which a logarithm takes this one
STANDS_OUT = 0.02  # of the range of values: what differs from air by more is the sample
SIDED = 3.0  # times as much of what stands out is brighter than air: then air is dark
DIM, BRIGHT = 0.9, 1.1  # times the flat field is air where images were divided by it
LEVEL = 0.03  # relative difference of the brightest edges from the flat field: so near to it images were divided
EVEN = 0.06  # relative spread of air over the edges, above which it has a profile: no image was divided by flats
CHANGES = 0.02  # relative: the edges of different views differ by more where they show a sample and not air
DARK, FEW = 0.6, 0.03  # of air: where more than a few blocks at the edges are darker in all views, a wide sample reaches there
BLOCK = 8  # rows that are averaged against noise
ENOUGH = 0.7  # of the pixels at the edges must show one level for it to be air


SIMILAR = 1.5  # times better must the geometry fit for a logarithm than for inverted images, before these are called one


@dataclass(frozen=True)
class Grey:
    """What the grey levels of a scan are."""

    kinds: tuple[Kind, ...]  # possible ones; more than one where only geometry can tell
    air: float | None  # level at the edges; None where the sample fills them
    uneven: float = 0.0  # relative spread of air over the edges

    def line_integrals(self, kind: Kind, images: np.ndarray, flat_field: float) -> np.ndarray:
        """exp of minus the line integrals: [V, h, w] transmissions of images that are of this kind."""
        if kind == "inverted":
            return np.maximum(flat_field - images + (self.air or 0.0), DARKEST).astype(np.float32)
        if kind == "logarithm":  # of any base and scale: consistency does not depend on them
            return np.exp(-(images - (self.air or 0.0)) / max(float(np.quantile(images, 0.998)), 1e-9)).astype(np.float32)
        if kind == "undivided":
            return (images / self._profile(images)).astype(np.float32)
        return images

    @staticmethod
    def _profile(images: np.ndarray) -> np.ndarray:
        """The brightest that each pixel shows in any view: air, where the sample leaves every pixel once: [h, w]."""
        return np.maximum(np.quantile(images, 0.95, axis=0), DARKEST)


def examine(images: np.ndarray, flat_field: float) -> Grey:
    """images: [V, h, w] as they are read, which should be transmissions."""
    low, high = float(np.quantile(images, 0.0005)), float(np.quantile(images, 0.9995))
    spread = max(high - low, 1e-9)
    width = max(1, round(EDGE * images.shape[2]))
    edges = np.concatenate([images[:, :, :width], images[:, :, -width:]], axis=2).reshape(len(images), -1)
    air = float(np.median(edges))
    alike = float((np.abs(edges - air) < max(0.25 * abs(air), STANDS_OUT * spread)).mean())
    if alike < ENOUGH:
        return Grey(("transmission",), None)
    brighter = float((images > air + 0.25 * abs(air) + STANDS_OUT * spread).mean())
    darker = float((images < air - 0.25 * abs(air) - STANDS_OUT * spread).mean())
    if air < low + 0.5 * spread and brighter > SIDED * darker:
        if high > BRIGHT or low < -0.5 * spread:
            return Grey(("logarithm",), air)
        return Grey(("inverted", "logarithm"), air)
    blocks = _blocks(images, width)
    profile = np.median(blocks, axis=0)  # what is the same in all views
    dark = float((profile < DARK * np.quantile(profile, 0.9)).mean())
    uneven = float(np.ptp(np.quantile(profile, (0.05, 0.95)))) / max(air, 1e-9)
    changes = float(np.abs(blocks - profile).mean()) / max(air, 1e-9)
    if dark > FEW or changes > max(CHANGES, uneven / 10):  # a sample turns, air does not
        return Grey(("transmission",), None)
    is_level = abs(float(np.quantile(profile, 0.9)) / flat_field - 1) < LEVEL  # then what is darker is a wide sample
    if not DIM * flat_field <= air <= BRIGHT * flat_field or (uneven > EVEN and not is_level):
        return Grey(("undivided",), air, uneven)
    return Grey(("transmission",), air, uneven)


def _blocks(images: np.ndarray, width: int) -> np.ndarray:
    """Means over blocks of BLOCK rows at the left and at the right edge: [V, 2 * blocks]."""
    high = max(1, min(BLOCK, images.shape[1]))
    rows = images.shape[1] // high
    sides = [images[:, : rows * high, :width], images[:, : rows * high, -width:]]
    return np.concatenate([side.reshape(len(images), rows, -1).mean(axis=2) for side in sides], axis=1)
