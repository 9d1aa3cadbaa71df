"""register: the motion between the two scans, and the pace at which the sequence passes through it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from xct4d.config import Registration
from xct4d.directions import Direction, State
from xct4d.fields.velocity import VelocityField
from xct4d.io import prepared, strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.motion.projections import Projections, projections_between
from xct4d.motion.registration import LEAST, register_scans
from xct4d.motion.scans import baked_volumes, beam_levels
from xct4d.motion.sequence import PACE, SequenceFit, fitted_pace
from xct4d.progress import say
from xct4d.selection import evenly_spaced

RESOLUTION = 15  # control points per axis of the velocity field that is written
MODES = 6  # control points in time of the pace
TIMES = 12  # of the sequence, at most, to which the pace is fitted: twice as many as it has control points
LONGEST_STEP = 0.1  # of the flow's integration
LOST = 0.7  # of the sequence's residual without motion: a registration that leaves more does not explain the sequence


def register(settings: Registration, frames_folders: Mapping[State, Path], canonicals: Mapping[Direction, Path], output: Path) -> None:
    """Write field.safetensors (a velocity field that starts the velocity levels) and registration.json.

    frames_folders: prepared projections of each state; without a sequence the
    pace is steady. canonicals: output folders of the canonical stage.
    registration.json says which law of conservation the scans show (`law`), how
    fast the sequence passes the motion (`pace`, control points of a cubic
    B-spline in time), what is left of the sequence with and without motion, and
    whether the registration has lost its way (`lost`): the motion found then
    explains the sequence hardly better than no motion. Raises InputError where
    an input cannot be read.
    """
    scans = baked_volumes(canonicals)
    frames = {state: prepared.load(folder) for state, folder in frames_folders.items()}
    first, second = beam_levels(canonicals, {state: own.flat_field for state, own in frames.items()})
    sequence = projections_between(frames["between"], lambda t: (1 - t) * first + t * second) if "between" in frames else []
    found = register_scans(scans, bending_weight=settings.bending_weight, law=settings.law)
    field = VelocityField(found.control.shape[0], MODES, longest_step=LONGEST_STEP, solver="midpoint", law=found.law)
    with torch.no_grad():
        field.control.copy_(torch.from_numpy(found.control).expand(MODES, -1, -1, -1, -1))
    field = field.refined(RESOLUTION)
    record = {
        "law": found.law,
        "residual_by_law": found.attenuation,
        "texture_residual": found.texture,
        "pace": [1.0] * MODES,
        "lost": False,
    }
    if sequence:
        record |= _at_its_pace(scans, sequence, field)
    with atomic_folder(output) as folder:
        field.save(folder / "field.safetensors")
        (folder / "registration.json").write_text(strict_json.dumps(record))


def _at_its_pace(scans: tuple[np.ndarray, np.ndarray], sequence: list[Projections], field: VelocityField) -> dict:
    """Give the field the pace of the sequence; what registration.json says of the sequence."""
    steady = field.control.detach().double().numpy()[0]
    some = [sequence[k] for k in evenly_spaced(len(sequence), TIMES)]
    rates = fitted_pace(scans, some, steady, field.law, field.modes)
    with torch.no_grad():
        field.control.mul_(torch.from_numpy(rates.astype(np.float32))[:, None, None, None, None])
    moving = field.control.detach().double().numpy()
    fit = SequenceFit(scans, sequence, np.zeros_like(moving), field.law, PACE, bending_weight=0.0)
    left, still = fit.residuals(moving)["projection"], fit.residuals(np.zeros_like(moving))["projection"]
    part = left / max(still, LEAST)
    say(f"register: {field.law} is kept; the motion leaves {part:.1%} of the sequence's residual without motion")
    return {"pace": rates.tolist(), "sequence_residual": left, "sequence_residual_without_motion": still, "lost": bool(part > LOST)}
