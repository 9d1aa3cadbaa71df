"""A dataset as the configuration corrects it: cameras (`input.geometry`) and transmissions (`input.intensities`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from xct4d.config import Geometry, Input, Intensities
from xct4d.directions import STATES
from xct4d.errors import InputError
from xct4d.geometry.corrections import negated, of_sample_at, rolled, tilted, with_axis_to_the_right
from xct4d.readers.counts import CountsProjection, FlatsAndDarks
from xct4d.readers.medians import without_zingers
from xct4d.readers.reader import Acquisition, Dataset, Projection

DARKEST = 1e-6  # transmission below which the polynomial takes this one: the logarithm has no end


@dataclass(frozen=True, kw_only=True)
class CorrectedProjection(Projection):
    """A projection whose pixels are corrected when they are loaded; its camera is corrected already."""

    inner: Projection
    mirror: bool
    zingers: float | None
    beam_hardening: tuple[float, ...] | None

    @property
    def image(self) -> object:
        return self.inner.image

    def load(self) -> np.ndarray:
        image = self.inner.filled()  # what does not count may have any value, and the polynomial is checked on those of the image
        if self.zingers is not None:
            image = without_zingers(image, self.zingers)[0]
        if self.beam_hardening is not None:
            image = hardened(image, self.beam_hardening, self.where)
        return np.ascontiguousarray(image[:, ::-1]) if self.mirror else image

    def mask(self) -> np.ndarray | None:
        mask = self.inner.mask()
        return np.ascontiguousarray(mask[:, ::-1]) if self.mirror and mask is not None else mask


def corrected(dataset: Dataset, options: Input) -> Dataset:
    """The dataset with the corrections of the configuration, each noted; acquisitions without any stay the same.

    Raises InputError for a level of air where the images are transmissions already.
    """
    if options.intensities.air is not None:
        for acquisition in dataset.acquisitions.values():
            if not all(isinstance(projection, CountsProjection) for projection in acquisition.projections):
                what = f"is given, but the images of {acquisition.path.name} are transmissions already"
                raise InputError(what, where="input.intensities.air", fix="remove it, or give flat_field in the transforms file")
    _check_states(dataset, options)
    return Dataset(
        {state: _acquisition(one, options.geometry_of(state), options.intensities) for state, one in dataset.acquisitions.items()}
    )


def _check_states(dataset: Dataset, options: Input) -> None:
    """Raise InputError for a geometry of a state that the dataset has not: it would be ignored."""
    for state in STATES:
        if getattr(options, f"{state}_geometry") is not None and state not in dataset.acquisitions:
            what = f"is given, but there are no {state} projections in {dataset.forward.path.parent}"
            raise InputError(what, where=f"input.{state}_geometry", fix="remove it")


def dead_pixels(acquisition: Acquisition) -> list[str]:
    """A note on pixels that were replaced because they see no air, once the projections were loaded; empty where there are none."""
    inner = [one.inner if isinstance(one, CorrectedProjection) else one for one in acquisition.projections]
    divided = [one.normalisation for one in inner if isinstance(one, CountsProjection) and isinstance(one.normalisation, FlatsAndDarks)]
    dead = max((normalisation.dead for normalisation in divided), default=0)
    return [f"{dead} dead pixels, which see next to no air in the flats, take the median of their neighbours"] if dead else []


def _changed(geometry: Geometry, intensities: Intensities) -> list[str]:
    """The corrections that do something, as they stand in the configuration."""
    sections = (("geometry", geometry), ("intensities", intensities))
    given = [
        (f"{name}.{key}", value)
        for name, section in sections
        for key, value in section.model_dump().items()
        if value != type(section).model_fields[key].default and key != "air"
    ]
    return [f"{key} {str(value).lower() if isinstance(value, bool) else value}" for key, value in given]


def _acquisition(acquisition: Acquisition, geometry: Geometry, intensities: Intensities) -> Acquisition:
    changed = _changed(geometry, intensities)
    if not changed:
        return acquisition
    note = f"corrected as the configuration says: {', '.join(changed)}"
    projections = [_projection(projection, geometry, intensities) for projection in acquisition.projections]
    return replace(acquisition, projections=projections, notes=[*acquisition.notes, note])


def _projection(projection: Projection, geometry: Geometry, intensities: Intensities) -> Projection:
    polynomial = intensities.beam_hardening
    return CorrectedProjection(
        **{name: getattr(projection, name) for name in ("name", "where", "size", "weight", "time", "start_s", "exposure_s", "turn_deg")},
        camera_to_world=corrected_poses(projection, geometry),
        focal=(projection.focal[0] * geometry.focal_factor, projection.focal[1] * geometry.focal_factor),
        centre=_centre(projection, geometry),
        inner=projection,
        mirror=geometry.mirror,
        zingers=intensities.zingers,
        beam_hardening=None if polynomial is None else tuple(polynomial),
    )


def corrected_poses(projection: Projection, geometry: Geometry) -> np.ndarray:
    """Camera-to-world [k, 3, 4] of a projection, corrected; a shift in pixels is one at the rotation axis."""
    poses = projection.camera_to_world
    if geometry.negate_angles:
        poses = negated(poses)
    distance = np.hypot(poses[:, 0, 3], poses[:, 1, 3])  # of the source from the axis
    poses = with_axis_to_the_right(poses, geometry.axis_shift_px * distance / (projection.focal[0] * geometry.focal_factor))
    poses = rolled(tilted(poses, geometry.tilt_deg), geometry.roll_deg)
    if not geometry.moves_sample:  # as they are, to the last bit
        return poses
    return of_sample_at(poses, geometry.angle_offset_deg, np.array(geometry.sample_shift))


def _centre(projection: Projection, geometry: Geometry) -> tuple[float, float]:
    column, row = projection.centre
    if geometry.drift != "ignore":
        if projection.drift_px is None:
            raise InputError(f"is {geometry.drift}, but the files record no shifts", where="input.geometry.drift", fix="remove it")
        sign = 1 if geometry.drift == "add" else -1
        column, row = column + sign * projection.drift_px[0], row + sign * projection.drift_px[1]
    return (projection.size[0] - column if geometry.mirror else column), row + geometry.row_shift_px


def hardened(image: np.ndarray, coefficients: tuple[float, ...], where: str) -> np.ndarray:
    """exp(-(c1 p + c2 p^2 + ...)) with p = -ln(image): [height, width] float32.

    Raises InputError where the polynomial falls within the p of this image: two
    thicknesses would have the same result.
    """
    p = -np.log(np.maximum(image, DARKEST).astype(np.float64))
    top = max(float(np.quantile(p, 0.999)), 0.0)  # noise of darkness has any logarithm
    slope = np.polynomial.polynomial.polyder([0.0, *coefficients])
    if (np.polynomial.polynomial.polyval(np.linspace(0.0, top, 257), slope) <= 0).any():
        what = f"the polynomial falls between -ln(I/I0) = 0 and the {top:.3g} of this image"
        raise InputError(what, where=f"input.intensities.beam_hardening ({where})", fix="give coefficients of a rising polynomial")
    return np.exp(-np.polynomial.polynomial.polyval(p, [0.0, *coefficients])).astype(np.float32)
