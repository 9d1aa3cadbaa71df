"""The geometry of an .xtekct file as a scan on a circle.

Detector and axis offsets are lengths to the right, and upwards, in the image as
it is displayed; ObjectRoll leans the axis to the right and ObjectTilt its upper
end towards the source. CIL reads the same magnitudes; its signs are for columns
counted the other way round. All are 0 in the public files.
"""

from __future__ import annotations

import math

from xct4d.errors import InputError
from xct4d.readers.circular import Circle
from xct4d.readers.nikon.xtekct import Xtekct

_UNPROVEN = (
    "DetectorOffsetX", "DetectorOffsetY", "CentreOfRotationTop", "CentreOfRotationBottom", "ObjectOffsetX", "ObjectRoll", "ObjectTilt",
)  # fmt: skip


def circle(file: Xtekct, size: tuple[int, int], unit_mm: float | None, notes: list[str]) -> Circle:
    """The scan that a record describes, for images of `size`. unit_mm: mm per world unit, in place of half the scanner's volume.

    Raises InputError where record and images contradict each other, or the
    record itself. What was taken on trust is added to `notes`.
    """
    record = file.record()
    pixel, middle = _pixels(file, size, notes)
    offset_x, offset_y = file.number("DetectorOffsetX", 0.0), file.number("DetectorOffsetY", 0.0)
    top, bottom = file.number("CentreOfRotationTop", 0.0), file.number("CentreOfRotationBottom", 0.0)
    at_object = record.source_to_object / record.source_to_detector
    height = record.pixels[1] * record.pixel_size[1]
    moved = [f"{key} is {file.text(key)}" for key in _UNPROVEN if file.number(key, 0.0) != 0]
    notes += [f"{one}; no public scan proves its sign: if the volume is blurred, settle it with input.geometry" for one in moved]
    geometry = Circle(
        where=str(file.path),
        size=size,
        pixel_mm=pixel,
        source_to_axis_mm=record.source_to_object,
        source_to_detector_mm=record.source_to_detector,
        unit_mm=unit_mm or record.unit_mm,
        centre=(middle[0] - offset_x / pixel[0], middle[1] + offset_y / pixel[1]),
        axis_mm=(top + bottom) / 2 * at_object + file.number("ObjectOffsetX", 0.0),
        roll_deg=math.degrees(math.atan2(top - bottom, height)) + file.number("ObjectRoll", 0.0),
        tilt_deg=file.number("ObjectTilt", 0.0),
    )
    _check_law(file, record, geometry)
    return geometry


def _check_law(file: Xtekct, record, geometry: Circle) -> None:
    """The voxel is a pixel of the detector, seen at the axis; binned images have larger pixels than the record's."""
    whole = Circle(
        where=str(file.path), size=record.pixels, pixel_mm=record.pixel_size,
        source_to_axis_mm=geometry.source_to_axis_mm, source_to_detector_mm=geometry.source_to_detector_mm,
    )  # fmt: skip
    whole.check_law(file.positive("VoxelSizeX"), "VoxelSizeX")


def _pixels(file: Xtekct, size: tuple[int, int], notes: list[str]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Size of an image's pixel in mm, and where in the image the middle of the detector lies."""
    detector, pixel = file.record().pixels, file.record().pixel_size
    if size == detector:
        return pixel, (size[0] / 2, size[1] / 2)
    region = tuple(file.number(f"RegionPixels{axis}", n) for axis, n in zip("XY", detector, strict=True))
    start = tuple(file.number(f"RegionStart{axis}", 0.0) for axis in "XY")
    if size == region and all(s >= 0 and s + n <= whole for s, n, whole in zip(start, region, detector, strict=True)):
        notes.append(f"images show the region of {size[0]} x {size[1]} pixels from ({start[0]:g}, {start[1]:g}) of the detector")
        return pixel, (detector[0] / 2 - start[0], detector[1] / 2 - start[1])
    factor = detector[0] / size[0]
    if factor == int(factor) > 1 and detector[1] == factor * size[1]:
        notes.append(f"images are binned {factor:g} x {factor:g}: {size[0]} x {size[1]} of {detector[0]} x {detector[1]} pixels")
        return (pixel[0] * factor, pixel[1] * factor), (size[0] / 2, size[1] / 2)
    what = f"is {detector[0]} x {detector[1]}, but images have {size[0]} x {size[1]} pixels, neither the region of the record nor a whole binning"
    raise InputError(what, where=file.where("DetectorPixelsX"), fix="correct DetectorPixels or RegionPixels and RegionStart")
