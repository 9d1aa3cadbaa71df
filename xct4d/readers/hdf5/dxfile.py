"""APS Data Exchange (https://dxfile.readthedocs.io), parallel beam.

theta is that of the stage, counter-clockwise as seen from above. Where it is
absent, process/acquisition/rotation has start and step; where that is absent,
too, the definition says: evenly over 180 degrees.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.circular import Circle
from xct4d.readers.counts import AirLevel, Flats, FlatsAndDarks, Normalisation, UnknownAir
from xct4d.readers.hdf5.container import DEGREES, MM, SECONDS, Container
from xct4d.readers.hdf5.frames import Stack, StackProjection
from xct4d.readers.reader import Acquisition

DATA, WHITE, DARK, THETA = "exchange/data", "exchange/data_white", "exchange/data_dark", "exchange/theta"
ROTATION = "process/acquisition/rotation"
SPEED = {"degrees/s": 1.0, "deg/s": 1.0, "degree/s": 1.0, "rad/s": 180 / np.pi, "radians/s": 180 / np.pi}
BLURRED = 0.3  # steps of rotation during an exposure from which it is told


def is_data_exchange(container: Container) -> bool:
    return container.has(DATA)


def read_data_exchange(container: Container, options: Input) -> Acquisition:
    """One scan. Raises InputError naming file and path inside it."""
    notes: list[str] = []
    stack, count = _stack(container, DATA)
    theta = _theta(container, count, notes)
    pixel = _pixel(container, notes)
    if pixel is None and options.unit_mm is not None:
        pixel = 2 * options.unit_mm / max(stack.size)
    geometry = Circle(
        where=str(container.path), size=stack.size, pixel_mm=(pixel or 1.0,) * 2, source_to_axis_mm=None, source_to_detector_mm=None,
        unit_mm=options.unit_mm,
    )  # fmt: skip
    normalisation = _normalisation(container, stack, theta, options, notes)
    exposure_s, starts, turn_deg = _times(container, theta, notes)
    projections = [
        StackProjection(
            name=f"{container.path.name}#{i}",
            where=f"{container.where(DATA)}[{i}]",
            **geometry.placed(-theta[i]),
            start_s=None if starts is None else float(starts[i]),
            exposure_s=exposure_s,
            turn_deg=turn_deg,
            normalisation=normalisation,
            place=i,
            stack=stack,
            number=i,
        )
        for i in range(count)
    ]
    unit_mm = None if pixel is None else geometry.world_mm
    return Acquisition(path=container.path, projections=projections, unit_mm=unit_mm, started=_started(container), notes=notes)


def _stack(container: Container, name: str) -> tuple[Stack, int]:
    data = container.data(name)
    if data.ndim != 3 or 0 in data.shape or data.dtype.kind not in "iuf":
        raise InputError(f"must be numbers [theta, y, x], not {data.dtype} of shape {data.shape}", where=container.where(name))
    axis = _frame_axis(data.attrs.get("axes"))
    rows, columns = (n for i, n in enumerate(data.shape) if i != axis)
    return Stack(container.path, container.folder, name, (columns, rows), axis), data.shape[axis]


def _frame_axis(axes: object) -> int:
    """Which axis counts the frames, by the attribute `axes` such as theta:y:x or y:theta:x; the first where it says nothing."""
    text = axes.decode("utf-8", "replace") if isinstance(axes, bytes) else str(axes or "")
    names = [name.strip().lower() for name in text.split(":")]
    return next((i for i, name in enumerate(names) if name.startswith("theta")), 0) if len(names) == 3 else 0


def _theta(container: Container, count: int, notes: list[str]) -> np.ndarray:
    """[count] degrees."""
    if container.has(THETA):
        theta = container.numbers(THETA, DEGREES)
        if len(theta) != count:
            raise InputError(f"has {len(theta)} angles for {count} projections", where=container.where(THETA), fix="copy the file again")
        return theta
    if container.has(f"{ROTATION}/rotation_start") and container.has(f"{ROTATION}/rotation_step"):
        start, step = (container.number(f"{ROTATION}/{key}", DEGREES) for key in ("rotation_start", "rotation_step"))
        notes.append(f"there is no {THETA}: angles are {start:g} + k {step:g} degrees, by {ROTATION}")
        if container.has(f"{ROTATION}/num_angles") and (planned := container.number(f"{ROTATION}/num_angles")) != count:
            notes.append(f"{ROTATION}/num_angles says {planned:g}, but {count} projections are there")
        return start + step * np.arange(count)
    notes.append(f"there is no {THETA}, nor {ROTATION}: angles are spread evenly over 180 degrees, as the definition says")
    return np.arange(count) * 180.0 / count


def _pixel(container: Container, notes: list[str]) -> float | None:
    """Size of a pixel at the sample, mm; None where it is not known."""
    sample = "measurement/instrument/detection_system/objective/resolution"
    camera, magnified = "measurement/instrument/detector/pixel_size", "measurement/instrument/detection_system/objective/magnification"
    pixel = None
    if container.has(sample):
        pixel = container.number(sample, MM, default_unit=1e3)
    elif container.has(camera) and container.has(magnified):
        pixel = container.number(camera, MM, default_unit=1e3) / max(container.number(magnified), 1e-12)
    if pixel is None:
        notes.append("no pixel size at the sample is known: lengths are in world units; give input.unit_mm for mm")
    elif not pixel > 0:
        raise InputError(f"must be positive, not {pixel:g} mm", where=container.where(sample))
    return pixel


def _normalisation(container: Container, stack: Stack, theta: np.ndarray, options: Input, notes: list[str]) -> Normalisation:
    if not container.has(WHITE):
        key = container.where(WHITE)
        return UnknownAir(key) if options.intensities.air is None else AirLevel(options.intensities.air, key="input.intensities.air")
    if options.intensities.air is not None:
        raise InputError("is given beside the flats of the file", where="input.intensities.air", fix="remove it")
    white, count = _stack(container, WHITE)
    for name, other in ((WHITE, white), *(((DARK, _stack(container, DARK)[0]),) if container.has(DARK) else ())):
        if other.size != stack.size:
            what = f"has images of {other.size[0]} x {other.size[1]} pixels, the projections of {stack.size[0]} x {stack.size[1]}"
            raise InputError(what, where=container.where(name))
    dark = None
    if container.has(DARK):
        darks, number = _stack(container, DARK)
        dark = lambda: darks.mean_of([*range(number)])  # noqa: E731
    else:
        notes.append("there are no darks: counts are taken to be without an offset")
    places = _places(container, count, theta)
    sets = tuple(Flats(place, _mean(white, [int(n) for n in np.flatnonzero(places == place)])) for place in np.unique(places))
    return FlatsAndDarks(flats=sets, dark=dark, scale=_flat_scale(container), key=container.where(WHITE))


def _mean(stack: Stack, numbers: list[int]):
    return lambda: stack.mean_of(numbers)


def _places(container: Container, count: int, theta: np.ndarray) -> np.ndarray:
    """[count]: when each flat was recorded, as a number of a projection."""
    last = len(theta) - 1.0
    if container.has(f"{THETA}_white"):
        at = container.numbers(f"{THETA}_white", DEGREES)
        if len(at) != count:
            raise InputError(f"has {len(at)} angles for {count} flats", where=container.where(f"{THETA}_white"))
        order = np.argsort(theta, kind="stable")
        return np.round(np.interp(at, theta[order], order.astype(float)))
    mode = container.text("process/acquisition/flat_fields/flat_field_mode")
    if mode == "Both" and count > 1:
        return np.where(np.arange(count) < count // 2, 0.0, last)
    return np.full(count, last if mode == "End" else 0.0)


def _flat_scale(container: Container) -> float:
    """Exposure of a projection over that of a flat."""
    detector = "measurement/instrument/detector"
    if (container.text(f"{detector}/different_flat_exposure") or "Same") == "Same":
        return 1.0
    own, flat = (container.number(f"{detector}/{key}", SECONDS) for key in ("exposure_time", "exposure_time_flat"))
    if not (own > 0 and flat > 0):
        raise InputError(f"the exposures {own:g} s of projections and {flat:g} s of flats cannot be", where=container.where(detector))
    return own / flat


def _times(container: Container, theta: np.ndarray, notes: list[str]) -> tuple[float | None, np.ndarray | None, float | None]:
    """Exposure of a projection, when each began, seconds from the first, and by how much the stage turned during it."""
    exposure, speed, turn = None, None, None
    if container.has("measurement/instrument/detector/exposure_time"):
        exposure = container.number("measurement/instrument/detector/exposure_time", SECONDS)
        if not exposure > 0:
            raise InputError(
                f"must be positive, not {exposure:g} s", where=container.where("measurement/instrument/detector/exposure_time")
            )
    if container.has(f"{ROTATION}/rotation_speed"):
        speed = abs(container.number(f"{ROTATION}/rotation_speed", SPEED))
    starts = None if not speed else np.abs(theta - theta[0]) / speed
    if exposure and speed and len(theta) > 1:
        turn = exposure * speed * float(np.sign(theta[-1] - theta[0]))
        step = float(np.median(np.abs(np.diff(theta))))
        if step > 0 and exposure * speed > BLURRED * step:
            notes.append(f"the stage turns {exposure * speed:.4g} degrees during an exposure, {exposure * speed / step:.2f} of a step")
    return exposure, starts, turn


def _started(container: Container) -> datetime | None:
    text = container.text("process/acquisition/start_date") or container.text("file_creation_datetime")
    for read in (datetime.fromisoformat, lambda text: datetime.strptime(text, "%B %d, %Y %H:%M:%S")):
        try:
            return read(text).replace(tzinfo=None) if text else None
        except ValueError:
            continue
    return None
