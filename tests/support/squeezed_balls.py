"""Balls that a known motion deforms, their projections, and the outputs of the first stages without any training."""

from __future__ import annotations

import numpy as np
import torch

from xct4d.directions import SCAN_TIME
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.geometry.views import Views, orbit
from xct4d.io import prepared
from xct4d.io.prepared import FULL_SCALE, Frames
from xct4d.motion.projections import Projections
from xct4d.phantom import motions, shapes
from xct4d.phantom.truth import Phantom

PLACES = [[0.0, 0.0, 0.0], [0.4, 0.2, -0.3], [-0.4, 0.1, 0.3], [0.1, -0.45, 0.35], [-0.2, -0.3, -0.4], [0.15, 0.45, 0.3]]
RADII = [0.3, 0.15, 0.2, 0.15, 0.2, 0.15]
BALLS = [{"type": "sphere", "center": c, "radius": r, "rho": 0.5} for c, r in zip(PLACES, RADII, strict=True)]
SQUEEZED = {"type": "linear", "strains": [-0.05, -0.05, 0.25, 0.0, 0.0, 0.0], "law": {"type": "power", "exponent": 2.0}}


def thing(motion, *, conserves_mass=False):
    tree = shapes.parse({"type": "object_collection", "objects": BALLS}, source="test", folder=None)
    return Phantom(tree, motions.parse(motion, source="test"), conserves_mass=conserves_mass)


def views(*azimuths, size=40):
    n = len(azimuths)
    poses = np.stack([orbit(a, 90, 4) for a in azimuths])
    return Views(poses, np.full((n, 2), 1.4 * size), np.full((n, 2), size / 2), np.full((n, 2), size))


def sequence(truth, times, size=40):
    cameras = views(17, 107, size=size)
    images = ((t, np.stack([truth.projection(cameras, v, t) for v in (0, 1)])) for t in times)
    return [Projections(t, image.astype(np.float32), cameras) for t, image in images]


def frames(truth, azimuths, times, size=32):
    """Prepared projections, one view each."""
    cameras, n = views(*azimuths, size=size), len(times)
    images = [np.exp(-truth.projection(cameras, k, t)) for k, t in enumerate(times)]
    return Frames(
        name=[f"train_{k}.png" for k in range(n)], held_out=np.zeros(n, bool), offset=np.arange(n + 1) * size * size, first_view=np.arange(n + 1),
        views=cameras, weight=np.ones(n), time=np.array(times), pixels=(np.stack(images).ravel() * FULL_SCALE).round().astype(np.uint16),
        flat_field=1.0, unit_mm=None, duration_s=None,
    )  # fmt: skip


def make_outputs(folder, truth):
    """Outputs of prepare and canonical in a folder, without any training: prepared/<state> and canonical/<direction>."""
    between = [(azimuth, t) for t in np.linspace(0.2, 0.8, 4) for azimuth in (17, 107)]
    states = {"forward": [(a, 0.0) for a in range(0, 360, 45)], "backward": [(a, 1.0) for a in range(0, 360, 45)], "between": between}
    for state, shots in states.items():
        (folder / "prepared" / state).mkdir(parents=True)
        prepared.save(frames(truth, *zip(*shots, strict=True)), folder / "prepared" / state)
    for direction, t in SCAN_TIME.items():
        (folder / "canonical" / direction).mkdir(parents=True)
        BakedField(torch.from_numpy(truth.volume(48, t))).save(folder / "canonical" / direction / "baked.safetensors")
        FlatField.constant(1.0).save(folder / "canonical" / direction / "flatfield.safetensors")
    return {direction: folder / "canonical" / direction for direction in SCAN_TIME}
