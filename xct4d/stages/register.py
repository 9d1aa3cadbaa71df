"""Register: the motion between the scans, and how fast the sequence says it was passed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from xct4d import strict_json
from xct4d.directions import Direction
from xct4d.errors import InputError
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.io import prepared
from xct4d.io.atomic import atomic_folder
from xct4d.io.prepared import Frames
from xct4d.progress import say
from xct4d.training.registration import LAWS, LEAST, Law
from xct4d.training.registration import register as registered
from xct4d.training.sequence import Fineness, Projections, Sequence, fitted_pace

RESOLUTION = 15  # control points per axis of the field that the velocity levels start from
LOOK = Fineness(grid=20, voxels=48, blur=0.04, pixel=0.05, scan_blur=0.04)
LOST = 0.7  # of what stillness leaves of the projections: a registration that leaves more has lost its way


def register(
    frames_between: Path,
    canonicals: Mapping[Direction, Path],
    output: Path,
    *,
    bending_weight: float = 0.1,
    law: Law | None = None,
    modes: int = 6,
    longest_step: float = 0.1,
    solver: str = "midpoint",
) -> None:
    """Write field.safetensors (a velocity field) and registration.json.

    frames_between: prepared projections of the sequence. canonicals: output
    folders of the canonical stage. law: what moving material keeps, None: what
    the scans say. In registration.json, `lost` says that the motion found
    explains the sequence hardly better than the scans blended without any.
    Raises InputError where an input cannot be read or the sequence has no
    projection to fit.
    """
    scans = tuple(BakedField.load(canonicals[d] / "baked.safetensors").volume.numpy() for d in ("forward", "backward"))
    levels = [FlatField.load(canonicals[d] / "flatfield.safetensors") for d in ("forward", "backward")]
    ends = [float(level(t).detach()) for level, t in zip(levels, (0.0, 1.0), strict=True)]
    projections = sequence_of(prepared.load(frames_between), lambda t: (1 - t) * ends[0] + t * ends[1])
    if not projections:
        raise InputError("no projection between the scans is left to fit", where="input.split", fix="hold fewer projections out")
    found = registered(scans, bending_weight=bending_weight, law=law)
    field = VelocityField(found.control.shape[0], modes, longest_step=longest_step, solver=solver)
    with torch.no_grad():
        field.control.copy_(torch.from_numpy(found.control).expand(modes, -1, -1, -1, -1))
    steady = field.refined(RESOLUTION)
    rates = fitted_pace(scans, projections, steady.control.detach().double().numpy()[0], found.law, modes)
    with torch.no_grad():
        steady.control.mul_(torch.from_numpy(rates.astype(np.float32))[:, None, None, None, None])
    moving = steady.control.detach().double().numpy()
    look = Sequence(scans, projections, np.zeros_like(moving), found.law, LOOK, bending_weight=0.0)
    left, still = look.residuals(moving), look.residuals(np.zeros_like(moving))
    part = left["projection"] / max(still["projection"], LEAST)
    record = {
        "law": found.law,
        "residual_of_law": {each: found.attenuation.get(each) for each in LAWS},
        "texture": found.texture,
        "pace": rates.tolist(),
        "projection": left["projection"],
        "projection_still": still["projection"],
        "lost": part > LOST,
    }
    say(f"register: {found.law} is kept; it leaves {part:.1%} of what the scans leave of the projections where nothing moves")
    with atomic_folder(output) as folder:
        steady.save(folder / "field.safetensors")
        (folder / "registration.json").write_text(strict_json.dumps(record))


def sequence_of(frames: Frames, flat_field) -> list[Projections]:
    """Line integrals of the trained projections between the scans, time by time; of an exposure's views the one with the largest weight.

    flat_field: f(t) of the I0 level exp(-f).
    """
    groups: dict[tuple, list[int]] = {}
    for f in np.flatnonzero(~frames.held_out):
        views = np.arange(frames.first_view[f], frames.first_view[f + 1])
        view = int(views[np.argmax(frames.weight[views])])
        if 0 < frames.time[view] < 1:
            groups.setdefault((float(frames.time[view]), frames.size(f)), []).append((int(f), view))
    out = []
    for (time, _), members in sorted(groups.items()):
        images = np.stack([-np.log(np.maximum(frames.image(f), 0.5 / 65535)) - flat_field(time) for f, _ in members])
        out.append(Projections(time, images.astype(np.float32), frames.views[np.array([view for _, view in members])]))
    return out
