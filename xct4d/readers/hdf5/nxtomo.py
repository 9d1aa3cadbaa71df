"""NeXus NXtomo (https://manual.nexusformat.org/classes/applications/NXtomo.html).

rotation_angle is that of the stage, counter-clockwise as seen from above, so the
source's azimuth as seen from the sample is minus that. With a source distance
the beam is a cone, without it is parallel. Lengths without units are metres.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.circular import Circle
from xct4d.readers.counts import AirLevel, Flats, FlatsAndDarks, Normalisation, UnknownAir
from xct4d.readers.flats import groups
from xct4d.readers.hdf5.container import DEGREES, MM, SECONDS, Container
from xct4d.readers.hdf5.frames import Stack, StackProjection
from xct4d.readers.reader import Acquisition

PROJECTION, FLAT, DARK, INVALID = 0, 1, 2, 3
DEPTH = 3  # groups within groups in which the entry may lie


def find_entry(container: Container) -> str | None:
    """The group that holds an NXtomo; None where there is none. Raises InputError where there are several."""
    found = [name for name in container.groups(DEPTH) if container.text(f"{name}/definition") == "NXtomo"]
    if not found:
        found = [name for name in container.groups(DEPTH) if container.has(f"{name}/instrument/detector/image_key")]
    if len(found) > 1:
        raise InputError(f"holds {len(found)} scans: {', '.join(found)}", where=container.path, fix="save each in a file of its own")
    return found[0] if found else None


def read_nxtomo(container: Container, entry: str, options: Input) -> Acquisition:
    """One scan. Raises InputError naming file and path inside it."""
    notes: list[str] = []
    stack, count = _stack(container, entry)
    keys = _image_keys(container, entry, count, notes)
    angles = _angles(container, entry, keys)
    numbers = [int(i) for i in np.flatnonzero(keys == PROJECTION)]
    geometry, unit_mm = _geometry(container, entry, stack.size, options.unit_mm, notes)
    monitor = _monitor(container, entry, count, notes)
    normalisation = _normalisation(stack, keys, monitor, container, entry, options)
    exposure_s = _exposure(container, entry)
    _note_what_is_not_applied(container, entry, keys, notes)
    projections = [
        StackProjection(
            name=f"{stack.path.name}#{i}",
            where=f"{container.where(stack.name)}[{i}]",
            **geometry.placed(-angles[i]),
            exposure_s=exposure_s,
            normalisation=normalisation,
            place=i,
            stack=stack,
            number=i,
            scale=float(monitor[i]),
        )
        for i in numbers
    ]
    return Acquisition(path=container.path, projections=projections, unit_mm=unit_mm, started=started(container, entry), notes=notes)


def started(container: Container, entry: str) -> datetime | None:
    """start_time of the entry, without its zone: the scanner's local time."""
    for place in (entry, entry.rpartition("/")[0]):
        text = container.text(f"{place}/start_time".lstrip("/"))
        if text:
            try:
                return datetime.fromisoformat(text).replace(tzinfo=None)
            except ValueError:
                continue
    return None


def _stack(container: Container, entry: str) -> tuple[Stack, int]:
    name = next((name for name in (f"{entry}/instrument/detector/data", f"{entry}/data/data") if container.has(name)), None)
    if name is None:
        raise InputError("is missing", where=container.where(f"{entry}/instrument/detector/data"))
    data = container.data(name)
    if data.ndim != 3 or 0 in data.shape or data.dtype.kind not in "iuf":
        raise InputError(f"must be numbers [frame, row, column], not {data.dtype} of shape {data.shape}", where=container.where(name))
    count, rows, columns = data.shape
    return Stack(container.path, container.folder, name, (columns, rows)), count


def _image_keys(container: Container, entry: str, count: int, notes: list[str]) -> np.ndarray:
    """[count] int: what each frame is. Writers leave them as floats, too."""
    names = [f"{entry}/instrument/detector/{key}" for key in ("image_key_control", "image_key")]
    name = next((name for name in names if container.has(name)), None)
    if name is None:
        notes.append("there is no image_key: every frame is taken for a projection")
        return np.zeros(count, int)
    values = container.numbers(name)
    if len(values) != count:
        raise InputError(f"has {len(values)} keys for {count} frames", where=container.where(name), fix="copy the file again")
    if not np.isin(values, (-1, PROJECTION, FLAT, DARK, INVALID)).all():
        odd = values[~np.isin(values, (-1, PROJECTION, FLAT, DARK, INVALID))][0]
        raise InputError(
            f"holds {odd:g}, which is no kind of frame", where=container.where(name), fix="0 projection, 1 flat, 2 dark, 3 invalid"
        )
    keys = values.astype(int)
    if not (keys == PROJECTION).any():
        raise InputError("names no projection (0)", where=container.where(name))
    left = int((keys == INVALID).sum()), int((keys == -1).sum())
    if any(left):
        notes.append(f"left out: {left[0]} invalid frames and {left[1]} for alignment")
    return keys


def _angles(container: Container, entry: str, keys: np.ndarray) -> np.ndarray:
    """[frames] degrees."""
    name = next((name for name in (f"{entry}/sample/rotation_angle", f"{entry}/data/rotation_angle") if container.has(name)), None)
    if name is None:
        raise InputError("is missing", where=container.where(f"{entry}/sample/rotation_angle"), fix="a scan without angles cannot be used")
    angles = container.numbers(name, DEGREES)
    if len(angles) == (keys == PROJECTION).sum() != len(keys):  # some writers give those of the projections alone
        out = np.zeros(len(keys))
        out[keys == PROJECTION] = angles
        return out
    if len(angles) != len(keys):
        raise InputError(f"has {len(angles)} angles for {len(keys)} frames", where=container.where(name), fix="copy the file again")
    return angles


def _geometry(
    container: Container, entry: str, size: tuple[int, int], given_mm: float | None, notes: list[str]
) -> tuple[Circle, float | None]:
    """The scan's geometry, and mm per world unit; None where no pixel size is known."""
    detector = f"{entry}/instrument/detector"
    pixel = _lengths(container, [f"{detector}/x_pixel_size", f"{detector}/y_pixel_size"], notes)
    at_sample = _lengths(container, [f"{detector}/sample_x_pixel_size", f"{detector}/sample_y_pixel_size"], notes)
    distances = _lengths(container, [f"{entry}/instrument/source/distance", f"{detector}/distance"], notes)
    to_axis, behind = (None, None) if distances is None else (abs(distances[0]), abs(distances[1]))
    where = str(container.path)
    shift = _axis_shift(container, detector, notes)
    if to_axis and behind and pixel is not None:
        cone = Circle(
            where=where, size=size, pixel_mm=pixel, source_to_axis_mm=to_axis, source_to_detector_mm=to_axis + behind, unit_mm=given_mm,
            axis_mm=shift * pixel[0] * to_axis / (to_axis + behind),
        )  # fmt: skip
        if at_sample is not None:
            cone.check_law(at_sample[0], f"{detector}/sample_x_pixel_size")
        return cone, cone.world_mm
    known = at_sample or pixel
    if known is None:
        notes.append("no pixel size is known: lengths are in world units, half the width of the images; give input.unit_mm for mm")
        if given_mm is not None:
            known = (2 * given_mm / max(size),) * 2
    used = known or (1.0, 1.0)
    parallel = Circle(
        where=where, size=size, pixel_mm=used, source_to_axis_mm=None, source_to_detector_mm=None, unit_mm=given_mm, axis_mm=shift * used[0]
    )
    return parallel, None if known is None else parallel.world_mm


def _lengths(container: Container, names: list[str], notes: list[str]) -> tuple[float, float] | None:
    """Two lengths in mm; None where one is missing, 0, or no number, which is noted."""
    values = []
    for name in names:
        if not container.has(name):
            return None
        try:
            values.append(container.number(name, MM, default_unit=1e3))
        except InputError as error:
            notes.append(f"not used: {error}")
            return None
    return (values[0], values[1]) if all(values) else None


def _axis_shift(container: Container, detector: str, notes: list[str]) -> float:
    """How far the rotation axis lies to the right of the image's middle, pixels."""
    for key in ("x_rotation_axis_pixel_position", "estimated_cor_from_motor"):
        if container.has(f"{detector}/{key}"):
            shift = container.number(f"{detector}/{key}")
            notes.append(f"the axis lies {shift:g} pixels to the right of the images' middle by {key}; no public file proves its sign")
            return shift
    return 0.0


def _monitor(container: Container, entry: str, count: int, notes: list[str]) -> np.ndarray:
    """[frames]: the beam's intensity over its mean, 1 where nothing tells."""
    name = f"{entry}/control/data"
    if not container.has(name):
        return np.ones(count)
    try:
        values = container.numbers(name)
    except InputError as error:
        notes.append(f"not used: {error}")
        return np.ones(count)
    if len(values) != count or not (values > 0).all():
        notes.append(f"not used: {container.where(name)}: the monitor must have a positive number for each of {count} frames")
        return np.ones(count)
    relative = values / values.mean()
    if np.ptp(relative) > 0:
        notes.append(
            f"counts are divided by the monitor {name}, which varies from {relative.min():.4g} to {relative.max():.4g} of its mean"
        )
    return relative


def _normalisation(stack: Stack, keys: np.ndarray, monitor: np.ndarray, container: Container, entry: str, options: Input) -> Normalisation:
    flats = [(int(i), int(i)) for i in np.flatnonzero(keys == FLAT)]
    darks = [int(i) for i in np.flatnonzero(keys == DARK)]
    where = container.where(f"{entry}/instrument/detector/image_key")
    if not flats:
        return UnknownAir(where) if options.intensities.air is None else AirLevel(options.intensities.air, key="input.intensities.air")
    if options.intensities.air is not None:
        raise InputError("is given beside the flats of the file", where="input.intensities.air", fix="remove it")
    sets = tuple(Flats(place, _mean(stack, numbers, monitor)) for place, numbers in groups(flats))
    dark = (lambda: stack.mean_of(darks)) if darks else None
    return FlatsAndDarks(flats=sets, dark=dark, key=where)


def _mean(stack: Stack, numbers: list[int], monitor: np.ndarray):
    return lambda: stack.mean_of(numbers, [float(monitor[n]) for n in numbers])


def _exposure(container: Container, entry: str) -> float | None:
    name = f"{entry}/instrument/detector/count_time"
    if not container.has(name):
        return None
    values = container.numbers(name, SECONDS)
    return float(np.median(values)) if len(values) and (values > 0).all() else None


def _note_what_is_not_applied(container: Container, entry: str, keys: np.ndarray, notes: list[str]) -> None:
    """Flips and movements that the file tells of, and that change the images' meaning."""
    for key in ("x_flipped", "y_flipped"):
        name = f"{entry}/instrument/detector/{key}"
        if container.has(name) and _is_set(container, name):
            notes.append(f"{key} is set: images are read as they are stored; see input.geometry.mirror")
    if container.has(f"{entry}/instrument/detector/transformations"):
        notes.append("the detector's transformations are not applied: images are read as they are stored; see input.geometry.mirror")
    for axis in "xyz":
        name = f"{entry}/sample/{axis}_translation"
        if not container.has(name):
            continue
        try:
            values = container.numbers(name, MM, default_unit=1e3)
        except InputError as error:
            notes.append(f"not used: {error}")
            continue
        if len(values) == len(keys) and np.ptp(values[keys == PROJECTION]) > 0:
            moved = np.ptp(values[keys == PROJECTION])
            notes.append(f"{axis}_translation varies by {moved:.4g} mm over the projections, which is not applied")


def _is_set(container: Container, name: str) -> bool:
    """Whether a flag is set; a boolean is stored as an enumeration, which is no number."""
    data = container.data(name)
    return data.dtype.kind in "biuf" and data.size == 1 and bool(np.asarray(data[()]).ravel()[0])
