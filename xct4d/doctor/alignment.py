"""Does the sample lie in the second scan as in the first? Rotation about the axis and shift under which both are one.

Rotations of the full turn are tried on low-resolution reconstructions. Near the
best, a volume is made of the views of both scans for each place of the sample;
the right place predicts the views that were left out best. (Volumes alone are
drawn towards no change by streaks, which both have at the same angles.)

A sample that was mounted anew, or angles that count from another zero, move all
of it at once; so may the motion itself, which no projection can tell from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.fft import irfftn, rfftn
from scipy.ndimage import affine_transform
from scipy.optimize import least_squares, minimize

from xct4d.config import Geometry
from xct4d.directions import State
from xct4d.doctor.diagnosis import Diagnosis, yaml
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.judge import chosen, everywhere, reconstruct, widened
from xct4d.geometry.corrections import of_sample_at
from xct4d.geometry.views import concatenate
from xct4d.kernels.projector import project
from xct4d.metrics import Correlation

ACROSS, VOXELS = 72, 40  # pixels across the views, at most; voxels per axis of the reconstructions
LEFT_OUT = 5  # of so many views of each scan one is predicted
SCALE = np.array([np.rad2deg(2 / VOXELS), *[2 / VOXELS] * 3])  # degrees, and half widths along x, y, z, that move the sample about a voxel
WORTH = 1.3  # times less must the reconstructions disagree for the projections to be asked
STEP = 3.0  # degrees between the angles of that search
APART = 15.0  # degrees between two different answers
CLEAR, BETTER = 2.0, 1.15  # times less must the volumes disagree than for a different answer, and the projections than without any change
HOPELESS = 0.25  # error of the projections: from scans that predict no better nothing is told
NOTICED = 0.2  # of SCALE, below which nothing is said


@dataclass(frozen=True)
class Alignment:
    """How the sample lies in the second scan against the first: turned about z, then moved."""

    turned_deg: float  # counter-clockwise, seen from above
    shift: tuple[float, float, float]  # along x, y, z, world units
    before: (
        float | None
    )  # root mean square error with which views of both predict those left out, over the root mean square of these; None: not asked
    after: float | None  # and laid upon each other
    other_deg: float | None  # another rotation that is nearly as good, as of a round sample

    @property
    def is_clear(self) -> bool:
        """Whether the scans show one sample that clearly lies elsewhere."""
        if self.before is None or self.after is None:
            return False
        return _noticed(np.array([self.turned_deg, *self.shift])) and self.after < HOPELESS and self.before > BETTER * self.after

    def section(self, corrected: Mapping[str, Any]) -> dict[str, Any]:
        """The geometry of the second scan that lays it upon the first. corrected: the one it has already, or should have."""
        turned = corrected.get("angle_offset_deg", 0.0)
        shift = np.array(corrected.get("sample_shift", (0.0, 0.0, 0.0))) + _turn(turned) @ np.array(self.shift)
        return dict(corrected) | {
            "angle_offset_deg": round((turned + self.turned_deg + 180) % 360 - 180, 2),
            "sample_shift": [round(float(value), 4) + 0.0 for value in shift],
        }

    def lines(self, given: Geometry, found: Diagnosis) -> list[str]:
        """For a person, where it is clear; nothing otherwise. given, found: geometry and diagnosis of the second scan."""
        if not self.is_clear:
            return []
        shown = ", ".join(f"{axis} {value:.3g}" for axis, value in zip("xyz", self.shift, strict=True))
        section = yaml(self.section(found.mend or given.model_dump(exclude_defaults=True)))
        said = (
            f"the sample lies turned by {self.turned_deg:.3g} degrees (counter-clockwise from above) and moved by {shown} world units against "
            f"the first scan: so both predict views that were left out with an error of {self.after:.2g} in place of {self.before:.2g}"
        )
        mend = f"if it was mounted anew or its angles count from another zero, and this is not the motion: input: {{backward_geometry: {section}}}"
        lines = [said, mend]
        return lines + ([] if self.other_deg is None else [f"cannot be told: turned by {self.other_deg:.3g} degrees is nearly as good"])


def alignment_of(scans: Mapping[State, Evidence], found: Mapping[State, Diagnosis]) -> Alignment | None:
    """Of both scans, each with the corrections that were found for it; None where there is one, or the geometry of one is unknown."""
    if len(scans) < 2 or any(one.method == "none" or one.grey != "transmission" for one in found.values()):
        return None
    return align(*(found[state].best.applied(scans[state]) for state in ("forward", "backward")))


def align(first: Evidence, second: Evidence) -> Alignment | None:
    """None where a reconstruction shows nothing."""
    unit = world_unit([first, second])
    scans = [rough(one, unit) for one in (first, second)]
    volumes = [reconstruct(scan, VOXELS).numpy() for scan in scans]
    if min(float(volume.std()) for volume in volumes) == 0:
        return None
    answers = sorted((_laid_upon(*volumes, start) for start in _starts(*volumes)), key=lambda answer: answer[1])
    best, least = answers[0]
    if not _noticed(best) or _disagreement(np.zeros(4), *volumes) < WORTH * least:
        return Alignment(0.0, (0.0, 0.0, 0.0), None, None, None)
    others = [own[0] for own, value in answers[1:] if value < CLEAR * least and abs(within_half_turn(own[0] - best[0])) > APART]
    best, after = _fitted(scans, best)
    x, y, z = (best[1:] * unit).tolist()
    before = _error(_differences(scans, np.zeros(4)))
    return Alignment(within_half_turn(best[0]), (x, y, z), before, after, within_half_turn(others[0]) if others else None)


def rough(scan: Evidence, unit: float) -> Evidence:
    """Some views of fewer pixels. unit: world units of the scan along one of the common box, in whose they are."""
    some = scan.some(np.array(chosen(len(scan))))
    some = some.binned(-(-max(some.images.shape[1:]) // ACROSS))
    poses = some.views.camera_to_world.copy()
    poses[:, :, 3] /= unit
    return replace(some, views=replace(some.views, camera_to_world=poses))


def _differences(scans: list[Evidence], placed: np.ndarray) -> np.ndarray:
    """Projections of both scans that the volume predicts which is made of their others, minus those measured, over the root mean square of these.

    placed: degrees, x, y, z of the sample in the second scan against the first, half widths of the box.
    """
    views = scans[1].views
    poses = np.ascontiguousarray(of_sample_at(views.camera_to_world, float(placed[0]), placed[1:]))
    both = [scans[0], replace(scans[1], views=replace(views, camera_to_world=poses))]
    is_left = [np.arange(len(scan)) % LEFT_OUT == LEFT_OUT // 2 for scan in both]
    fitted = _joined([scan.some(~own) for scan, own in zip(both, is_left, strict=True)])
    left = _joined([scan.some(own) for scan, own in zip(both, is_left, strict=True)])
    made = project(reconstruct(fitted, VOXELS), everywhere(VOXELS), left.views).permute(0, 2, 1).numpy()
    return ((made - left.images) / np.sqrt((left.images**2).mean())).ravel()


def _joined(parts: list[Evidence]) -> Evidence:
    return replace(
        parts[0],
        images=np.concatenate([part.images for part in parts]),
        views=concatenate([part.views for part in parts]),
        columns=np.concatenate([part.columns for part in parts]),
    )


def _error(differences: np.ndarray) -> float:
    return float(np.sqrt(np.mean(differences**2)))


def _fitted(scans: list[Evidence], start: np.ndarray) -> tuple[np.ndarray, float]:
    """Degrees, x, y, z that predict best, near a start, and the error."""
    found = least_squares(
        lambda scaled: _differences(scans, scaled * SCALE), start / SCALE, diff_step=0.1, x_scale=1.0, ftol=1e-3, xtol=1e-3, max_nfev=5
    )
    return found.x * SCALE, _error(found.fun)


def _noticed(placed: np.ndarray) -> bool:
    return bool((np.abs(placed) > NOTICED * SCALE).any())


def world_unit(scans: list[Evidence]) -> float:
    """World units of the scans along one of the common box, which holds all that their rays cover: its half width."""
    lengths = [np.linalg.norm(one.views.camera_to_world[0, :, 3]) for scan in scans for one in (scan, widened(scan))]
    return max(float(own / wide) for own, wide in zip(lengths[::2], lengths[1::2], strict=True))


def within_half_turn(degrees: float) -> float:
    return float((degrees + 180) % 360 - 180)


def _turn(degrees: float) -> np.ndarray:
    """Rotation matrix [3, 3] of x, y, z about z."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def _laid_back(volume: np.ndarray, turned_deg: float, shift: np.ndarray) -> np.ndarray:
    """volume(R x + shift) at all voxels x: [n, n, n] (y, x, z). shift: x, y, z in half widths."""
    n = len(volume)
    matrix = _turn(-turned_deg)  # R with its rows and columns in the order y, x, z
    middle = np.full(3, (n - 1) / 2)
    return affine_transform(volume, matrix, middle - matrix @ middle + shift[[1, 0, 2]] * n / 2, order=1)


def _starts(first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Degrees, x, y, z from which the refinement starts: no change, and the best shifts of the two best rotations of the full turn."""
    n = len(first)
    spectrum = np.conj(rfftn(first, (2 * n,) * 3))
    found = []
    for degrees in np.arange(0.0, 360.0, STEP):
        overlap = irfftn(spectrum * rfftn(_laid_back(second, degrees, np.zeros(3)), (2 * n,) * 3), (2 * n,) * 3)
        place = np.array(np.unravel_index(overlap.argmax(), overlap.shape))
        y, x, z = np.where(place >= n, place - 2 * n, place) * 2 / n
        found.append((float(overlap.max()), np.concatenate([[degrees], _turn(degrees) @ np.array([x, y, z])])))
    found.sort(key=lambda one: -one[0])
    best = found[0][1]
    other = next(start for _, start in found if abs((start[0] - best[0] + 180) % 360 - 180) > APART)
    return [np.zeros(4), best, other]


def _laid_upon(first: np.ndarray, second: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """Degrees, x, y, z with the least disagreement of the volumes near a start, and that disagreement."""
    simplex = start / SCALE + np.concatenate([np.zeros((1, 4)), np.eye(4)])
    found = minimize(
        lambda scaled: _disagreement(scaled * SCALE, first, second), start / SCALE, method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.02, "fatol": 1e-6, "maxfev": 150},
    )  # fmt: skip
    return found.x * SCALE, float(found.fun)


def _disagreement(placed: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """1 - normalized correlation of the first with the second, laid back."""
    found = Correlation()
    found.add(first, _laid_back(second, placed[0], placed[1:]))
    return 1 - found.value
