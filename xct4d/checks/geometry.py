"""Can the cameras be right? Each must see the box, and agree with the scanner's own record."""

from __future__ import annotations

import numpy as np

from xct4d.checks.rays import sample_rays
from xct4d.errors import InputError
from xct4d.geometry.views import Views
from xct4d.readers.reader import Projection
from xct4d.readers.scanner import ScannerRecord

ON_AXIS = 1e-3  # distance from the axis over that from the origin below which a source is on the axis
WIDE = 20  # times as wide as the box is a view in another unit of length
ALIKE, MOST, FARTHER = 0.05, 0.8, 1.5  # where so large a part of the sources are equally far within ALIKE, none is FARTHER times as far
NARROW, HALF_TURN = 20, 170  # degrees about the axis: less is no scan, less has missing directions
LITTLE = 1.0  # world units of the box's 2 that a view shows at least, usually
AGREE = 0.01  # relative difference up to which lengths of a dataset and of its scanner's record agree


def check_view(views: Views, view: int, where: str) -> float:
    """Fraction of the detector's rays that hit the box [-1, 1]^3.

    where: file and frame, for messages. Raises InputError where the source is
    inside the box or no ray hits it.
    """
    source = views.camera_to_world[view, :, 3]
    shown, farthest = ", ".join(f"{v:g}" for v in source), float(np.linalg.norm(source))
    if np.abs(source).max() <= 1:
        factor = f"at least {3**0.5 / farthest:.2g} times too small" if farthest > 0 else "zero"
        raise InputError(
            f"the source ({shown}) is inside the box [-1, 1]^3; its distance is {factor}", where=f"{where}.transform_matrix",
            fix="give positions in units of half the reconstructed volume",
        )  # fmt: skip
    if np.hypot(*source[:2]) < ON_AXIS * farthest:
        raise InputError(
            f"the source ({shown}) lies on the rotation axis z", where=f"{where}.transform_matrix",
            fix="z must be the axis of rotation: exchange the axes of the poses, or invert them if they are world-to-camera",
        )  # fmt: skip
    rays = sample_rays(views, view)[2]
    hit = float((rays[:, 7] > rays[:, 6]).mean())
    if hit == 0:
        raise InputError(
            "no ray of this camera hits the box [-1, 1]^3", where=f"{where}.transform_matrix", fix=_why_no_ray_hits(views, view)
        )
    return hit


def _why_no_ray_hits(views: Views, view: int) -> str:
    """What the likely cause is, and how far off."""
    pose = views.camera_to_world[view]
    along = float(pose[:, 3] @ pose[:, 2])  # of the box's centre, behind the camera's -z
    if along < 0:
        return "the box lies behind it: the camera looks along its -z, so change the signs of the second and third column (OpenCV's axes)"
    half = along * float((views.size[view] / views.focal[view]).max()) / 2
    if half > WIDE:
        return f"its view is {half:.3g} times as wide as the box: give positions in units of half the reconstructed volume, not in mm"
    return "check the pose (the camera looks along its -z), the focal length and the unit of length"


def check_poses(projections: list[Projection], where: object) -> list[str]:
    """Can the poses be those of a full scan? Returns what a user should know and need not mend.

    where: their file, for messages. Raises InputError where the projections
    all have one pose, or all come from one side, or where the sources are about
    equally far from the rotation axis except for some.
    """
    poses = np.concatenate([projection.camera_to_world for projection in projections])
    if len(projections) <= 2:
        return []
    if np.ptp(poses, axis=0).max() < 1e-6:
        fix = "give each projection the pose of its own angle"
        raise InputError(
            f"all {len(projections)} projections have one pose, as if nothing had turned", where=f"{where}: transform_matrix", fix=fix
        )
    sources = np.stack([projection.camera_to_world[:, :, 3].mean(0) for projection in projections])
    distance = np.hypot(sources[:, 0], sources[:, 1])
    usual = float(np.median(distance))
    if np.mean(np.abs(distance / usual - 1) <= ALIKE) >= MOST:
        for projection, own in zip(projections, distance.tolist(), strict=True):
            if not 1 / FARTHER <= own / usual <= FARTHER:
                what = f"the source is {own:.4g} from the rotation axis, in the other projections {usual:.4g}"
                fix = (
                    f"is its position {own / usual:.3g} times too large?"
                    if own > usual
                    else f"is its position {usual / own:.3g} times too small?"
                )
                raise InputError(what, where=f"{projection.where}.transform_matrix", fix=fix)
    arc = _arc(np.degrees(np.arctan2(sources[:, 1], sources[:, 0])))
    if arc < NARROW:
        what = f"all {len(projections)} projections come from within {arc:.3g} degrees about the rotation axis"
        raise InputError(what, where=f"{where}: transform_matrix", fix="were degrees taken for radians? A scan takes at least half a turn")
    if arc < HALF_TURN:
        return [
            f"the projections come from within {arc:.3g} degrees about the rotation axis: what lies along the missing directions stays unclear"
        ]
    return []


def _arc(degrees: np.ndarray) -> float:
    """The smallest arc that holds all directions: 360 degrees less the widest gap between neighbours, of an even circle one step less."""
    turned = np.sort(degrees % 360)
    return 360 - float(np.diff(np.append(turned, turned[0] + 360)).max())


def note_two_distances(forward: list[Projection], backward: list[Projection]) -> list[str]:
    """A note where the sources of two scans are not equally far from the rotation axis: one may be in other units."""
    first, second = (
        float(np.median([np.hypot(*pose[:2, 3]) for one in scan for pose in one.camera_to_world])) for scan in (forward, backward)
    )
    if 1 / FARTHER <= first / second <= FARTHER:
        return []
    return [
        f"the sources of the first scan are {first:.4g} from the rotation axis, of the second {second:.4g}: are both in the same units?"
    ]


def note_odd_views(projections: list[Projection]) -> list[str]:
    """Notes on what is possible and unusual: pixels that are not square, views that show little of the box."""
    notes = []
    for projection in projections:
        focal = projection.focal
        if abs(focal[0] / focal[1] - 1) > AGREE and not notes:
            notes.append(f"{projection.where}: focal lengths {focal[0]:g} and {focal[1]:g} px, so pixels are not square")
    shown = min((float(np.linalg.norm(p.camera_to_world[0, :, 3])) * p.size[0] / p.focal[0], p.where) for p in projections)
    if shown[0] < LITTLE:
        notes.append(
            f"{shown[1]}: the view is {shown[0]:.2g} world units wide where the rotation axis is, the box 2: it shows a part of it"
        )
    return notes


def check_focal(projections: list[Projection], record: ScannerRecord) -> str:
    """Compare each projection's focal length with the scanner's record; returns what was found.

    The record gives source_to_detector / pixel_size. An image narrower than the
    detector was either cropped, which keeps the focal length in pixels, or
    binned, which divides it by the binning; both are accepted. Raises InputError
    telling both numbers where neither agrees within AGREE.
    """
    agreed = set()
    for projection in projections:
        for axis, key in ((0, "fl_x"), (1, "fl_y")):
            full = record.focal()[axis]
            ratio = record.pixels[axis] / projection.size[axis]
            expected = {"the whole detector" if ratio == 1 else "a cropped detector": full}
            if ratio != 1:
                expected["binned pixels"] = full / ratio
            given = projection.focal[axis]
            fitting = [kind for kind, focal in expected.items() if abs(given / focal - 1) <= AGREE]
            if not fitting:
                raise _disagreement(projection, axis, key, record, expected)
            agreed.add(fitting[0])
    return f"focal lengths agree with {record.path.name} ({', '.join(sorted(agreed))})"


def _disagreement(projection: Projection, axis: int, key: str, record: ScannerRecord, expected: dict[str, float]) -> InputError:
    numbers = " or ".join(f"{focal:.2f} px ({kind})" if len(expected) > 1 else f"{focal:.2f} px" for kind, focal in expected.items())
    seen = "" if len(expected) == 1 else f" for {projection.size[axis]} of {record.pixels[axis]} pixels"
    return InputError(
        f"{projection.focal[axis]:.2f} px disagrees with {record.path.name}: {record.source_to_detector:g} mm from source to detector / "
        f"pixels of {record.pixel_size[axis]:g} mm is {numbers}{seen}",
        where=f"{projection.where}.{key}",
        fix=f"correct the focal length (and the source positions that were computed with it), or take {record.path.name} away if it is another scan's",
    )
