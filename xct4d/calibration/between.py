"""The cameras of the sequence against both scans and against each other.

Near t = 0 the sample is nearly as the first scan has it, near t = 1 as the
second. The corrections under which the scans predict the projections there
change with the distance in time from the scan, as the sample moves, and tend to
those of the camera alone: a parabola at each end, both with the same value at
the scans. Where the two ends contradict each other, the uncertainty says so and
nothing is corrected.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xct4d.calibration.against_scan import ScanVolume, Seen, correction_of, left
from xct4d.calibration.correction import NAMES, Correction
from xct4d.calibration.pairs import RowDifference, row_differences
from xct4d.geometry.views import concatenate
from xct4d.io.prepared import Frames
from xct4d.motion.projections import DARKEST
from xct4d.progress import track

TIMES = 5  # nearest to each scan that are compared with it
FEWEST = 2  # at each
NEAR = 0.5  # farthest from its scan, of the time between both
SIGNIFICANT = 4.0  # standard deviations from which on a correction counts
NOTICED = 0.15  # pixels at the rim of the sample below which none does
ROW = NAMES.index("row_px")
SURE = 0.02  # pixels: no row is believed to be known better
TINY = 1e-12  # variance below which none is believed
RIM = 0.5  # half of the box: where the sample's rim is taken to be, world units


@dataclass(frozen=True)
class SourceCalibration:
    """What was measured of one source and its detector."""

    frames: np.ndarray  # indices of its projections
    measured: Correction
    sigma: np.ndarray  # [5] in the order of NAMES
    left: tuple[float, float]  # rms that the scans leave of the projections next to them, over these: by the files, and corrected
    corrected: bool  # whether the correction is significant, and the scans predict better with it

    @property
    def correction(self) -> Correction:
        """What the cameras are corrected by."""
        return self.measured if self.corrected else Correction()


@dataclass(frozen=True)
class Calibration:
    """Of a whole sequence."""

    sources: list[SourceCalibration]
    rows: list[RowDifference]

    def applied(self, frames: Frames) -> Frames:
        """The sequence with its cameras corrected; itself where nothing is."""
        if not any(source.corrected for source in self.sources):
            return frames
        views = [frames.views[[v]] for v in range(len(frames.views))]
        for source in self.sources:
            for f in source.frames.tolist():
                for v in range(int(frames.first_view[f]), int(frames.first_view[f + 1])):
                    views[v] = source.correction.applied(views[v])
        return replace(frames, views=concatenate(views))


def calibrate_between(
    frames: Frames, sources: list[np.ndarray], scans: tuple[np.ndarray, np.ndarray], flat_fields: tuple[float, float]
) -> Calibration:
    """scans: attenuation [n, n, n] (z, y, x) at t = 0 and 1; flat_fields: f of the I0 level exp(-f) at these times."""
    volumes = [ScanVolume(scan) for scan in scans]
    values, sigmas, near = [], [], []
    with track("calibrate", len(sources)) as progress:
        for own in sources:
            near.append([_near(frames, own, end, flat_fields[end]) for end in (0, 1)])
            found = _against_scans(volumes, near[-1], np.ones(len(NAMES), bool))
            values.append(found[0])
            sigmas.append(found[1])
            progress.advance()
    rows = row_differences(frames, sources, [Correction.of(own) for own in values])
    _join_rows(values, sigmas, rows)
    for k, ends in enumerate(near):
        _without_guesses(volumes, ends, values[k], sigmas[k])
    measured = [Correction.of(own) for own in values]
    out = []
    for own, correction, sigma, ends in zip(sources, measured, sigmas, near, strict=True):
        by = tuple(_left(volumes, ends, one) for one in (Correction(), correction))
        out.append(SourceCalibration(own, correction, sigma, by, _counts(correction, sigma, ends) and by[1] < by[0]))
    return Calibration(out, rows)


@dataclass(frozen=True)
class _Near:
    """Projections of one source near one scan."""

    apart: np.ndarray  # [K]: time from the scan, rising
    seen: list[Seen]


def _near(frames: Frames, own: np.ndarray, end: int, flat_field: float) -> _Near:
    time = frames.frame_time()
    trained = own[~frames.held_out[own]]
    apart = np.abs(time[trained] - end)
    chosen = [int(k) for k in np.argsort(apart, kind="stable") if apart[k] <= NEAR][:TIMES]
    return _Near(apart[chosen], [_seen(frames, int(trained[k]), flat_field) for k in chosen])


def _seen(frames: Frames, frame: int, flat_field: float) -> Seen:
    image = (-np.log(np.maximum(frames.image(frame), DARKEST)) - flat_field).astype(np.float32)
    return Seen(image, frames.views[[frames.main_view(frame)]], frames.mask(frame))


def _against_scans(volumes: list[ScanVolume], ends: list[_Near], free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values [5], 0 of what is not free, and their standard deviations; infinite where there are too few times."""
    if min(len(near.seen) for near in ends) < FEWEST:
        return np.zeros(len(NAMES)), np.full(len(NAMES), np.inf)
    measured, start = [], None
    for volume, near in zip(volumes, ends, strict=True):
        of_end = []
        for seen in near.seen:
            start = correction_of(volume, seen, free, start)
            of_end.append(start)
        measured.append(np.array(of_end))
    return at_the_scans([near.apart for near in ends], measured)


def at_the_scans(apart: list[np.ndarray], measured: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What values [K, p] at times `apart` [K] from either scan tend to at both: [p], and standard deviations [p].

    A parabola for each end, with one value at the scans. How much the values
    scatter about it decides how far slope and curvature are believed beside how
    fast the values change at all: what scatters is taken as it is next to the
    scans. Half of what the ends differ by, each for itself, counts as uncertainty.
    """
    both = _parabolas(apart)
    stacked = np.concatenate(measured)
    residual = stacked - both @ (np.linalg.pinv(both) @ stacked)
    noise = np.maximum((residual**2).sum(0) / max(len(stacked) - both.shape[1], 1), TINY)
    steps = [np.diff(values, axis=0) / np.diff(own)[:, None] for own, values in zip(apart, measured, strict=True)]
    slope = np.maximum(np.mean(np.concatenate(steps) ** 2, axis=0), TINY)
    value, variance = np.empty(len(noise)), np.empty(len(noise))
    for k in range(len(noise)):
        value[k], variance[k] = _at_zero(both, stacked[:, k], noise[k], slope[k])
        alone = [_at_zero(_parabolas([own]), values[:, k], noise[k], slope[k])[0] for own, values in zip(apart, measured, strict=True)]
        variance[k] += ((alone[1] - alone[0]) / 2) ** 2
    return value, np.sqrt(variance)


def _parabolas(apart: list[np.ndarray]) -> np.ndarray:
    """[all K, 1 + 2 ends]: 1, and time and its square for each end."""
    out = np.zeros((sum(map(len, apart)), 1 + 2 * len(apart)))
    out[:, 0] = 1
    first = 0
    for end, own in enumerate(apart):
        out[first : first + len(own), 1 + 2 * end : 3 + 2 * end] = np.stack([own, own**2], 1)
        first += len(own)
    return out


def _at_zero(system: np.ndarray, values: np.ndarray, noise: float, slope: float) -> tuple[float, float]:
    """The value at the scans and its variance. noise: variance of a value; slope: mean square of the slopes, of which curvatures are NEAR-th parts."""
    normal = system.T @ system / noise
    priors = np.tile([1 / slope, NEAR**2 / slope], system.shape[1] // 2)
    normal[1:, 1:] += np.diag(priors)
    inverse = np.linalg.inv(normal)
    return float(inverse[0] @ system.T @ values / noise), float(inverse[0, 0])


def _join_rows(values: list[np.ndarray], sigmas: list[np.ndarray], rows: list[RowDifference]) -> None:
    """Put rows into `values` that agree with the scans and with what pairs of sources say of each other, by least squares."""
    if not rows or not all(np.isfinite(own[ROW]) for own in sigmas):
        return
    count = len(values)
    of_scans = np.eye(count) / np.array([max(own[ROW], SURE) for own in sigmas])[:, None]
    wanted = [own[ROW] / max(sigma[ROW], SURE) for own, sigma in zip(values, sigmas, strict=True)]
    of_pairs = np.zeros((len(rows), count))
    for k, row in enumerate(rows):
        of_pairs[k, [row.first, row.second]] = np.array([-1.0, 1.0]) / max(row.sigma, SURE)
        wanted.append(row.row_px / max(row.sigma, SURE))
    system = np.concatenate([of_scans, of_pairs])
    found, covariance = np.linalg.lstsq(system, np.array(wanted), rcond=None)[0], np.linalg.inv(system.T @ system)
    for k in range(count):
        values[k] = np.where(np.arange(len(NAMES)) == ROW, found[k], values[k])
        sigmas[k] = np.where(np.arange(len(NAMES)) == ROW, np.sqrt(covariance[k, k]), sigmas[k])


def _without_guesses(volumes: list[ScanVolume], ends: list[_Near], values: np.ndarray, sigmas: np.ndarray) -> None:
    """Measure those of the values [5] once more that are significant, the others taken as 0, where both kinds are there; in place.

    A source that is shifted would otherwise be turned as well, by an angle that
    the sample hardly shows. What is 0 keeps its standard deviation; a row that
    pairs of sources agree on stays.
    """
    clear = np.abs(values) > SIGNIFICANT * sigmas
    if clear.all() or not clear.any():
        return
    found, deviation = _against_scans(volumes, ends, clear)
    again = clear & (np.arange(len(NAMES)) != ROW)
    values[:] = np.where(again, found, np.where(clear, values, 0.0))
    sigmas[:] = np.where(again, deviation, sigmas)


def _counts(correction: Correction, sigma: np.ndarray, ends: list[_Near]) -> bool:
    """Whether any part of a correction is significant, and moves the image of the sample's rim by more than nobody notices."""
    view = next((near.seen[0].view for near in ends if near.seen), None)
    if view is None:
        return False
    pose, focal = view.camera_to_world[0], view.focal[0, 0]
    distance = float(np.linalg.norm(pose[:, 3]))
    rim = RIM * focal / distance  # pixels from the axis
    moved = np.array([1.0, 1.0, np.deg2rad(1) * rim, np.deg2rad(1) * rim, rim])
    values = np.abs(correction.values())
    return bool(((values > SIGNIFICANT * sigma) & (values * moved > NOTICED)).any())


def _left(volumes: list[ScanVolume], ends: list[_Near], correction: Correction) -> float:
    nearest = [(volume, near.seen[0]) for volume, near in zip(volumes, ends, strict=True) if near.seen]
    parts = [left(volume, replace(seen, view=correction.applied(seen.view))) for volume, seen in nearest]
    return float(np.sqrt(np.mean(np.square(parts)))) if parts else np.inf
