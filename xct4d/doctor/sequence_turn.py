"""Do the angles of the sequence count from the zero of the scans'? The rotation under which the scans predict its first and last projections best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from xct4d.config import Geometry
from xct4d.directions import State
from xct4d.doctor.alignment import VOXELS, rough, within_half_turn, world_unit
from xct4d.doctor.diagnosis import Diagnosis, yaml
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.judge import everywhere, reconstruct
from xct4d.geometry.corrections import of_sample_at
from xct4d.kernels.projector import project

STEP = 3.0  # degrees between the rotations of the full turn that are tried
BETTER = 1.25  # times less must the error be for the zero to be another
HOPELESS = 0.4  # error from which nothing is told
NOTICED = 0.5  # degrees below which nothing is said


@dataclass(frozen=True)
class SequenceTurn:
    """How the sample of the sequence lies against that of the scans."""

    turned_deg: float  # counter-clockwise, seen from above
    before: float  # root mean square error of the predictions with the angles of the files, over the root mean square of the projections
    after: float

    @property
    def is_clear(self) -> bool:
        """Whether the angles clearly count from another zero."""
        return abs(self.turned_deg) > NOTICED and self.after < HOPELESS and self.before > BETTER * self.after

    def lines(self, given: Geometry) -> list[str]:
        """For a person, where it is clear; nothing otherwise. given: geometry of the sequence."""
        if not self.is_clear:
            return []
        turned = round(within_half_turn(given.angle_offset_deg + self.turned_deg), 2)
        section = yaml(given.model_dump(exclude_defaults=True) | {"angle_offset_deg": turned})
        said = (
            f"the sample lies turned by {self.turned_deg:.3g} degrees (counter-clockwise from above) against the scans: so these predict the "
            f"first and last projections with an error of {self.after:.2g} in place of {self.before:.2g}"
        )
        return [said, f"to correct it: input: {{between_geometry: {section}}}"]


def turn_of(
    parts: tuple[Evidence, Evidence] | None, scans: Mapping[State, Evidence], found: Mapping[State, Diagnosis]
) -> SequenceTurn | None:
    """Of the first projections of a sequence against the scan before, and of the last against the one after.

    parts: doctor.ends.parts_of; found: of each scan, whose corrections count for
    the scans and, as far as both are the same, for the sequence. None where
    there is no sequence, or the geometry of a scan is unknown.
    """
    if parts is None or len(scans) < 2 or any(one.method == "none" or one.grey != "transmission" for one in found.values()):
        return None
    best = [replace(found[state].best, reverse=False) for state in ("forward", "backward")]  # a few projections have no order to reverse
    unit = world_unit([hypothesis.applied(scan) for hypothesis, scan in zip(best, (scans["forward"], scans["backward"]), strict=True)])
    pairs = []
    for hypothesis, scan, part in zip(best, (scans["forward"], scans["backward"]), parts, strict=True):
        pairs.append((reconstruct(rough(hypothesis.applied(scan), unit), VOXELS), rough(hypothesis.applied(part), unit)))
    tried = np.arange(-180.0, 180.0, STEP)
    start = tried[np.argmin([_error(pairs, degrees) for degrees in tried])]
    near = minimize_scalar(
        lambda degrees: _error(pairs, degrees), bounds=(start - STEP, start + STEP), method="bounded", options={"xatol": 0.02}
    )
    return SequenceTurn(within_half_turn(near.x), _error(pairs, 0.0), float(near.fun))


def _error(pairs: list[tuple[torch.Tensor, Evidence]], degrees: float) -> float:
    squares, level = 0.0, 0.0
    for volume, part in pairs:
        poses = np.ascontiguousarray(of_sample_at(part.views.camera_to_world, degrees, np.zeros(3)))
        made = project(volume, everywhere(VOXELS), replace(part.views, camera_to_world=poses)).permute(0, 2, 1).numpy()
        squares, level = squares + float(((made - part.images) ** 2).sum()), level + float((part.images**2).sum())
    return float(np.sqrt(squares / max(level, 1e-12)))
