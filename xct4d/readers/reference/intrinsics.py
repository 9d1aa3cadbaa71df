"""Focal length and principal point of a frame, from the keys of the file and its own."""

from __future__ import annotations

import math

from xct4d.errors import InputError
from xct4d.readers.reference.values import at, number, whole_pixels

AGREE = 0.01  # relative difference up to which two statements of a focal length agree
WIDEST, LONGEST = 0.13, 1e7  # focal length over the image's width: 150 degrees, and a beam that is parallel in all but name
FARTHEST = 5  # widths of the image by which the principal point may lie beside its middle
ELONGATED = 8  # times longer than wide a pixel may be


def focal_lengths(both: dict, size: tuple[int, int], where: str) -> tuple[float, float]:
    """Focal lengths along columns and rows, pixels: as given, else from the opening angle, else those of square pixels. Raises InputError."""
    focal = []
    for key, angle, pixels in (("fl_x", "camera_angle_x", size[0]), ("fl_y", "camera_angle_y", size[1])):
        if key in both:
            focal.append(number(both, key, where))
        elif angle in both:
            opening = number(both, angle, where)
            if not 0 < opening < math.pi:
                raise InputError(f"must be between 0 and pi, not {opening:g}", where=at(where, angle))
            focal.append(pixels / 2 / math.tan(opening / 2))
        elif key == "fl_y":  # square pixels
            focal.append(focal[0])
        else:
            raise InputError("is missing", where=at(where, key), fix="give the focal length in pixels, or camera_angle_x")
        if focal[-1] <= 0:
            raise InputError(f"must be positive, not {focal[-1]:g}", where=at(where, key))
    return focal[0], focal[1]


def refuse_two_focal_lengths(tree: dict, frame: dict, where: str) -> None:
    """Raises InputError where a focal length and an opening angle contradict each other: one would be ignored.

    A frame's own focal length overrides the angle of the whole file.
    """
    for key, angle, pixels in (("fl_x", "camera_angle_x", "w"), ("fl_y", "camera_angle_y", "h")):
        record = {**tree, **frame} if angle in frame else {**frame, **tree}
        if key in record and angle in record and (key not in frame or angle in frame):
            focal, opening = number(record, key, where), number(record, angle, where)
            meant = whole_pixels(record, pixels, where) / 2 / math.tan(opening / 2) if 0 < opening < math.pi else math.inf
            if not abs(focal - meant) <= AGREE * focal:
                fix = "remove the wrong one of the two"
                raise InputError(
                    f"{opening:g} means a focal length of {meant:.6g} px, but {key} is {focal:.6g}", where=at(where, angle), fix=fix
                )


def refuse_absurd(focal: tuple[float, float], centre: tuple[float, float], size: tuple[int, int], where: str) -> None:
    """Raises InputError for intrinsics that no X-ray detector has: they are in another unit, or of another camera."""
    for axis, (length, middle, pixels) in enumerate(zip(focal, centre, size, strict=True)):
        if not WIDEST * pixels <= length <= LONGEST * pixels:
            degrees = math.degrees(2 * math.atan(pixels / 2 / length))
            fix = "give the distance from source to detector divided by the size of a pixel"
            raise InputError(
                f"{length:.6g} px opens the beam by {degrees:.3g} degrees over {pixels} pixels", where=f"{where}.fl_{'xy'[axis]}", fix=fix
            )
        if abs(middle - pixels / 2) > FARTHEST * pixels:
            fix = "give it in pixels from the image's left and upper edge"
            raise InputError(f"{middle:g} lies far outside the {pixels} pixels of the image", where=f"{where}.c{'xy'[axis]}", fix=fix)
    if not 1 / ELONGATED <= focal[0] / focal[1] <= ELONGATED:
        raise InputError(f"{focal[0]:g} and {focal[1]:g} px make no detector", where=f"{where}.fl_y", fix="correct fl_x or fl_y")
