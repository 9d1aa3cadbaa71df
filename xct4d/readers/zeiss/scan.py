"""The projections of a Zeiss file, with their exposures, times, shifts and references."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers.circular import Circle
from xct4d.readers.counts import AirLevel, CountsProjection, Flats, FlatsAndDarks, Normalisation, UnknownAir
from xct4d.readers.flats import mean
from xct4d.readers.reader import Acquisition
from xct4d.readers.zeiss.header import Header, time_of
from xct4d.readers.zeiss.ole import Streams, opened

ABSURD = 1e4  # factor between exposures that no scan has
SHIFTED = 0.05  # pixels from which shifts are told


@dataclass(frozen=True, kw_only=True)
class ZeissProjection(CountsProjection):
    path: Path
    number: int  # from 1
    data_type: int
    scale: float  # its exposure over that of the reference

    @property
    def image(self) -> object:
        return self.path.resolve(), self.number

    def counts(self) -> tuple[np.ndarray, int | None]:
        with opened(self.path) as streams:
            return streams.image(image_name(self.number), self.size, self.data_type) / np.float32(self.scale), None


def image_name(number: int) -> str:
    """Stream of an image, counted from 1: a hundred are in one storage."""
    return f"ImageData{(number + 99) // 100}/Image{number}"


def acquisition(streams: Streams, header: Header, options: Input) -> Acquisition:
    """The scan in a file. Raises InputError naming the stream that is missing, cut short or absurd."""
    count, notes = header.count, []
    if (planned := streams.integer("ImageInfo/NoOfImages")) > count:
        notes.append(f"{planned} images were planned, {count} were taken")
    angles = streams.numbers("ImageInfo/Angles", "<f4", count)
    geometry = _circle(streams, header, options)
    exposures = _exposures(streams, count)
    normalisation, reference_s = _normalisation(streams, header, options, notes)
    scales = _scales(streams, count, exposures, reference_s)
    began = [time_of(text) for text in streams.texts("ImageInfo/Date", count)]
    starts = None if None in began else [(time - began[0]).total_seconds() for time in began]
    drift = _drift(streams, count, notes)
    _note_centre_shift(streams, notes)
    projections = [
        ZeissProjection(
            name=f"{streams.path.name}#{k + 1}",
            where=streams.where(image_name(k + 1)),
            **geometry.placed(-angles[k]),
            start_s=None if starts is None else starts[k],
            exposure_s=None if exposures is None else float(exposures[k]),
            drift_px=None if drift is None else (float(drift[k, 0]), float(drift[k, 1])),
            normalisation=normalisation,
            place=k,
            path=streams.path,
            number=k + 1,
            data_type=header.data_type,
            scale=float(scales[k]),
        )
        for k in range(count)
    ]
    return Acquisition(path=streams.path, projections=projections, unit_mm=geometry.world_mm, started=began[0], notes=notes)


def _circle(streams: Streams, header: Header, options: Input) -> Circle:
    cone = header.source_to_axis_mm is not None
    to_axis, behind = header.source_to_axis_mm or 1.0, header.axis_to_detector_mm or 0.0
    pixel = header.pixel_mm * (to_axis + behind) / to_axis
    return Circle(
        where=str(streams.path),
        size=header.size,
        pixel_mm=(pixel, pixel),
        source_to_axis_mm=to_axis if cone else None,
        source_to_detector_mm=to_axis + behind if cone else None,
        unit_mm=options.unit_mm,
    )


def _exposures(streams: Streams, count: int) -> np.ndarray | None:
    """[count] seconds; None where the file does not tell."""
    name = "ImageInfo/ExpTimes"
    if not streams.has(name):
        return None
    exposures = streams.numbers(name, "<f4", count)
    if not (exposures > 0).all():
        raise InputError(f"must be positive, not {exposures.min():g} s", where=streams.where(name))
    return exposures


def _scales(streams: Streams, count: int, exposures: np.ndarray | None, reference_s: float | None) -> np.ndarray:
    """[count]: exposure of each projection over that of the reference; 1 where one is not told."""
    if exposures is None or reference_s is None:
        return np.ones(count)
    scales = exposures / reference_s
    if not ((scales > 1 / ABSURD) & (scales < ABSURD)).all():
        what = f"is {reference_s:g} s, beside {exposures.min():g} to {exposures.max():g} s of the projections"
        raise InputError(what, where=streams.where("ReferenceData/ExpTime"), fix="give a reference of a like exposure")
    return scales


def _normalisation(streams: Streams, header: Header, options: Input, notes: list[str]) -> tuple[Normalisation, float | None]:
    """Division by the file's references, and their exposure in seconds; by a level of air where there are none."""
    names = [name for name in ("ReferenceData/Image", "MultiReferenceData/Image1") if streams.has(name)]
    air = options.intensities.air
    if not names:
        where = streams.where("ReferenceData/Image")
        return (UnknownAir(where) if air is None else AirLevel(air, key="input.intensities.air")), None
    if air is not None:
        raise InputError("is given beside the reference images of the file", where="input.intensities.air", fix="remove it")
    names = ["ReferenceData/Image"] if names[0] == "ReferenceData/Image" else _numbered(streams)
    room = names[0].rpartition("/")[0]
    data_type = streams.integer(f"{room}/DataType", header.data_type)
    exposure = streams.number(f"{room}/ExpTime", 0.0)
    if exposure <= 0:
        notes.append(f"the exposure of {room} is not told: taken to be that of the projections")
    path, size = streams.path, header.size

    def load() -> np.ndarray:
        with opened(path) as own:
            return mean(own.image(name, size, data_type) for name in names)

    normalisation = FlatsAndDarks(flats=(Flats(0.0, load),), dark=None, key=streams.where(names[0]))
    return normalisation, exposure if exposure > 0 else None


def _numbered(streams: Streams) -> list[str]:
    names = []
    while streams.has(name := f"MultiReferenceData/Image{len(names) + 1}"):
        names.append(name)
    return names


def _drift(streams: Streams, count: int, notes: list[str]) -> np.ndarray | None:
    """[count, 2] pixels (columns, rows) by which the scanner says to move each image; None where it says nothing."""
    names = ("Alignment/X-Shifts", "Alignment/Y-Shifts")
    if not all(streams.has(name) for name in names):
        return None
    drift = np.stack([streams.numbers(name, "<f4", count) for name in names], axis=1)
    if abs(drift).max() > SHIFTED:
        notes.append(
            f"shifts of up to {abs(drift[:, 0]).max():.3g} columns and {abs(drift[:, 1]).max():.3g} rows are recorded and not applied, "
            "as no public file tells whether the pixels were moved: see input.geometry.drift"
        )
    return drift


def _note_centre_shift(streams: Streams, notes: list[str]) -> None:
    for name in ("ReconSettings/CenterShift", "AutoRecon/CenterShift"):
        if streams.has(name) and (shift := streams.number(name)) != 0:
            what = f"{name} {shift:g}, the axis' shift of the scanner's reconstruction, is not applied, as no public file proves its sign"
            notes.append(f"{what}: try input.geometry.axis_shift_px: {shift:g} or {-shift:g}")
            return
