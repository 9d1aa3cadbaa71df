"""Can the cameras be right? Each must see the box, and agree with the scanner's own record."""

from __future__ import annotations

import numpy as np

from xct4d.checks.rays import sample_rays
from xct4d.errors import InputError
from xct4d.geometry.views import Views
from xct4d.readers.reader import Projection
from xct4d.readers.scanner import ScannerRecord

ON_AXIS = 1e-3  # distance from the axis over that from the origin below which a source is on the axis
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
            fix="z must be the axis of rotation: exchange the axes of the poses",
        )  # fmt: skip
    rays = sample_rays(views, view)[2]
    hit = float((rays[:, 7] > rays[:, 6]).mean())
    if hit == 0:
        raise InputError(
            "no ray of this camera hits the box [-1, 1]^3", where=f"{where}.transform_matrix",
            fix="check the pose (the camera looks along its -z), the focal length and the unit of length",
        )  # fmt: skip
    return hit


def check_poses(projections: list[Projection], where: object) -> None:
    """Raises InputError where the projections of a full scan all have one pose. where: their file, for messages."""
    poses = np.concatenate([projection.camera_to_world for projection in projections])
    if len(projections) > 2 and np.ptp(poses, axis=0).max() < 1e-6:
        fix = "give each projection the pose of its own angle"
        raise InputError(
            f"all {len(projections)} projections have one pose, as if nothing had turned", where=f"{where}: transform_matrix", fix=fix
        )


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
