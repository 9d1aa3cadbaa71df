"""Scene descriptions: which object moves how, from where it is projected, and with which flaws of the detector."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from xct4d.config import Fraction, Positive, Section, Setup, explain
from xct4d.errors import InputError
from xct4d.geometry.views import Views, orbit
from xct4d.io.mapping_files import read_mapping
from xct4d.io.paths import safe_path
from xct4d.phantom import motions, shapes
from xct4d.phantom.description import exponent_hint, is_number

IMAGE_TIMES = 64  # at which the image of an exposure is computed: four times as many as a frame lists at most
_MOST = 1_000_000  # projections of a scene: real experiments have fewer, and the list of more would fill the memory

Angle = Annotated[float, Field(allow_inf_nan=False)]


class Sources(Section):
    """Directions from which the object is projected at one time point."""

    azimuths: int | list[float] = Field(
        description="degrees from +x towards +y: a list, or a count of equispaced ones over the full turn", examples=[64]
    )
    start_deg: Angle = Field(90.0, description="first azimuth of a count; not beside a list")
    polar_deg: float | list[float] | Literal["random"] = Field(
        90.0, description="degrees from the rotation axis z: one number, a list of one for each azimuth, or random: evenly over the sphere"
    )

    @field_validator("polar_deg", mode="before")
    @classmethod
    def _angles(cls, value):
        angles = value if isinstance(value, list) else [value]
        if value != "random" and not (angles and all(is_number(v) and 0 < v < 180 for v in angles)):
            raise ValueError("must be degrees greater than 0 and less than 180, a list of them, or random")
        return value

    @field_validator("azimuths", mode="before")
    @classmethod
    def _count_or_list(cls, value):
        return _count_or_numbers(value, 1, "degrees")

    @model_validator(mode="after")
    def _each_once(self):
        if isinstance(self.azimuths, list):
            if "start_deg" in self.model_fields_set:
                raise ValueError("start_deg belongs to a count of azimuths; a list says them all")
            if len(np.unique(np.round(np.mod(self.azimuths, 360), 6) % 360)) < len(self.azimuths):
                raise ValueError(f"azimuths has a direction twice: {self.azimuths}")
        if isinstance(self.polar_deg, list) and len(self.polar_deg) != self.count():
            raise ValueError(f"polar_deg has {len(self.polar_deg)} angles for {self.count()} azimuths; give one for each, or one number")
        return self

    def count(self) -> int:
        """Number of directions."""
        return self.azimuths if isinstance(self.azimuths, int) else len(self.azimuths)

    def degrees(self) -> np.ndarray:
        """[V] azimuths."""
        if isinstance(self.azimuths, int):
            return self.start_deg + np.arange(self.azimuths) * 360.0 / self.azimuths
        return np.array(self.azimuths, dtype=np.float64)

    def polar_degrees(self, seed: int) -> np.ndarray:
        """[V] polar angles. seed: of those at random, whose cosines are uniform."""
        if self.polar_deg == "random":
            return np.rad2deg(np.arccos(np.random.default_rng([seed, self.count()]).uniform(-1, 1, self.count())))
        return np.broadcast_to(np.array(self.polar_deg, np.float64), self.count())


_OTHER = {"azimuths": 1, "start_deg": 47.0}  # example of a direction that is not trained on


class Placement(Section):
    """Sources of the two scans and of the sequence between them."""

    ends: Sources = Field(description="the full scans at t = 0 and t = 1")
    ends_held_out: Sources | None = Field(None, description="their projections for evaluation only", examples=[_OTHER])
    between: Sources = Field(description="every time point between the scans; sources stand still", examples=[{"azimuths": 2}])
    between_held_out: Sources | None = Field(None, description="their projections for evaluation only", examples=[_OTHER])


class Detector(Section):
    """Geometry and flaws of the detector, a square one that faces the source."""

    resolution: Annotated[int, Field(ge=4, le=16384)] = Field(500, description="pixels along each side")
    fov_deg: Annotated[float, Field(gt=0, lt=180)] = Field(40.0, description="full opening angle")
    distance: Positive = Field(4.0, description="from the source to the rotation axis, world units")
    bits: int = Field(8, description="8 or 16 bits per pixel")
    blur_px: Annotated[float, Field(ge=0, le=1000)] = Field(0.0, description="standard deviation of the detector's Gaussian blur, pixels")
    photons: Annotated[float, Field(gt=0, le=1e15)] | None = Field(
        None, description="expected counts per pixel where I = 1, for Poisson noise (flat_field must leave room for it); none: no noise"
    )

    @model_validator(mode="after")
    def _possible(self):
        if self.bits not in (8, 16):
            raise ValueError(f"bits must be 8 or 16, not {self.bits}")
        if self.distance <= 3**0.5:
            raise ValueError("distance must be above 1.733, or the source is inside the box")
        return self


class Exposure(Section):
    """Motion blur of the time points between the scans; the scans themselves are sharp."""

    duration: Annotated[float, Field(gt=0, le=1)] = Field(
        description="length of the exposure around each time point, as a fraction of the time from scan to scan", examples=[0.02]
    )
    views: Annotated[int, Field(ge=2, le=16)] = Field(
        3, description="quadrature points (Gauss-Legendre) that a frame lists as its cameras; the image itself is computed at many more"
    )


class TrueVolumes(Section):
    """The truth as voxels, besides the description: truth/t<time>.npz of the dataset, array vol (x, y, z), attenuation per world unit."""

    resolution: Annotated[int, Field(ge=2, le=2048)] = Field(200, description="voxels along each axis of the box")
    times: Annotated[list[Fraction], Field(min_length=1)] = Field(description="times of the volumes, in [0, 1]", examples=[[0.0, 0.5, 1.0]])

    @field_validator("times", mode="after")
    @classmethod
    def _each_once(cls, value):
        if len({f"{t:.4f}" for t in value}) < len(value):  # as in the names of the files
            raise ValueError(f"has a time twice: {value}")
        return value


class Scene(Section):
    """The whole description of a simulated dataset."""

    object: dict[str, Any] | str = Field(
        description="object description, or the file that holds it (.yaml, .json, .npy, .npz, .zarr), beside the scene",
        examples=[{"type": "sphere", "center": [0.0, 0.0, 0.0], "radius": 0.5, "rho": 1.0}],
    )
    motion: dict[str, Any] | None = Field(None, description="motion description; none: nothing moves")
    density_multiplier: Positive = Field(1.0, description="attenuation per world unit of density 1")
    conserve_mass: bool = Field(
        False, description="matter that is compressed becomes denser (density times volume stays); false: attenuation stays"
    )
    times: int | list[float] = Field(
        description="time points, at least 3: a list from 0 to 1, or a count of equispaced ones", examples=[21]
    )
    views: Placement
    detector: Detector = Detector()
    exposure: Exposure | None = Field(
        None,
        description="motion blur of the time points between the scans (the scans themselves are sharp); none: every projection is sharp",
    )
    flat_field: Annotated[list[Angle], Field(min_length=1)] = Field(
        [0.0], description="f(t) of the I0 level exp(-f) at equispaced times, linear between; two values: a linear drift"
    )
    reach: Annotated[float, Field(ge=1, le=100)] = Field(
        1.0,
        description="half-width of the cube whose matter attenuates, world units; above 1, matter beyond the box that is reconstructed is projected too",
    )
    truth: TrueVolumes | None = Field(None, description="volumes of the truth, written besides its description; none: no volumes")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="seed of the noise, and of polar angles at random")
    unit_mm: Positive | None = Field(None, description="mm per world unit")
    duration_s: Positive | None = Field(None, description="seconds from t = 0 to t = 1")

    @field_validator("object", mode="before")
    @classmethod
    def _inline_or_file(cls, value):
        if not isinstance(value, (dict, str)):
            raise ValueError("must be an object description or the name of its file")
        return value

    @field_validator("times", mode="before")
    @classmethod
    def _count_or_list(cls, value):
        return _count_or_numbers(value, 3, "times")  # both scans, and something in between

    @model_validator(mode="after")
    def _in_order(self):
        times = self.time_points()
        if times[0] != 0 or times[-1] != 1 or (np.diff(times) <= 0).any():
            raise ValueError(f"times must rise from 0 to 1 without repeats, not {self.times}")
        if min(self.flat_field) < 0:
            raise ValueError(f"flat_field must not be negative (I0 above 1), not {self.flat_field}")
        if self.detector.distance <= 3**0.5 * self.reach:
            raise ValueError(
                f"detector.distance must be above {3**0.5 * self.reach:.3f}, or the source is inside the cube of reach {self.reach:g}"
            )
        if self.projections() > _MOST:
            raise ValueError(f"times and views make {self.projections()} projections, {_MOST} at most")
        return self

    @model_validator(mode="after")
    def _room_for_noise(self):
        """Counts above white are cut off, which lowers the mean of air: white must lie 4 standard deviations above it."""
        photons = self.detector.photons
        if photons is not None:
            level = np.exp(-min(self.flat_field))
            if level * (1 + 4 / np.sqrt(photons * level)) > 1:
                # level + 4 sqrt(level / photons) = 1, solved for sqrt(level)
                least = -2 * np.log(np.sqrt(1 + 4 / photons) - 2 / np.sqrt(photons))
                least = np.ceil(least * 1000) / 1000
                what = f"flat_field leaves counts of {photons:g} photons no room below white, which biases them"
                raise ValueError(f"{what}; use [{least:g}] or more")
        return self

    def time_points(self) -> np.ndarray:
        """[T] times at which the object is projected, the first 0, the last 1."""
        return np.linspace(0.0, 1.0, self.times) if isinstance(self.times, int) else np.array(self.times)

    def projections(self) -> int:
        """Number of projections."""
        return sum(self._counts())

    def held_out(self) -> int:
        """Number of projections that are for evaluation only."""
        ends, between = (0 if sources is None else sources.count() for sources in (self.views.ends_held_out, self.views.between_held_out))
        return 2 * ends + (len(self.time_points()) - 2) * between

    def sharp_images(self) -> int:
        """Number of images without motion blur that are computed for all projections: IMAGE_TIMES for each exposure."""
        ends, between = self._counts()
        return ends + between * (1 if self.exposure is None else IMAGE_TIMES)

    def with_setup(self, setup: Setup) -> Scene:
        """The scene whose sequence another set-up takes; its detector counts the sequence's photons. Raises InputError where the two do not fit."""
        tree = self.model_dump(exclude_unset=True)
        if setup.times is not None:
            tree["times"] = setup.times
        if setup.photons is not None:
            tree["detector"] = {**tree.get("detector", {}), "photons": setup.photons}
        if setup.exposure is not None:
            tree["exposure"] = {**(tree.get("exposure") or {}), "duration": setup.exposure} if setup.exposure else None
        if (azimuths := self._azimuths(setup)) is not None:
            tree["views"]["between"] = {"azimuths": azimuths, "polar_deg": self.views.between.polar_deg}
        try:
            return Scene.model_validate(tree)
        except ValidationError as error:
            raise InputError(f"does not fit the scene: {explain(error, Scene).removeprefix(': ')}", where="setup") from None

    def _azimuths(self, setup: Setup) -> list[float] | None:
        """Azimuths of the sequence's sources as a set-up has them; None where it says nothing of them."""
        if setup.sources is None and setup.first_deg is None and setup.spacing_deg is None:
            return None
        own = self.views.between
        count = own.count() if setup.sources is None else setup.sources
        first = float(own.degrees()[0]) if setup.first_deg is None else setup.first_deg
        spacing = 180 / count if setup.spacing_deg is None else setup.spacing_deg
        return [first + i * spacing for i in range(count)]

    def _counts(self) -> tuple[int, int]:
        """Number of projections of the two scans, and of the time points between them."""
        views, between = self.views, len(self.time_points()) - 2
        ends, inner = (
            sum(sources.count() for sources in pair if sources is not None)
            for pair in ((views.ends, views.ends_held_out), (views.between, views.between_held_out))
        )
        return 2 * ends, between * inner

    def flat(self, t: float) -> float:
        """f(t) of the I0 level exp(-f(t))."""
        return float(np.interp(t, np.linspace(0, 1, len(self.flat_field)), self.flat_field))

    def frame_times(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Times [k] and weights [k] (sum 1) of the views that a frame lists for the exposure around time t."""
        return self._quadrature(t, 1 if self.exposure is None else self.exposure.views)

    def image_times(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Times [k] and weights [k] (sum 1) at which the image of the exposure around time t is computed.

        There are IMAGE_TIMES of them, so the image holds the motion blur of a
        real detector, and the few views that the frame lists approximate it.
        """
        return self._quadrature(t, IMAGE_TIMES)

    def _quadrature(self, t: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Gauss-Legendre quadrature of the exposure around time t; one point where there is no exposure."""
        if self.exposure is None or t in (0.0, 1.0):
            return np.array([t]), np.ones(1)
        nodes, weights = np.polynomial.legendre.leggauss(count)
        low, high = max(t - self.exposure.duration / 2, 0.0), min(t + self.exposure.duration / 2, 1.0)
        return low + (nodes + 1) / 2 * (high - low), weights / 2

    def cameras(self, sources: Sources) -> Views:
        """The views from some directions, the detector facing the source."""
        detector, azimuths, polar = self.detector, sources.degrees(), sources.polar_degrees(self.seed)
        count, size = len(azimuths), detector.resolution
        focal = size / 2 / np.tan(np.deg2rad(detector.fov_deg) / 2)
        return Views(
            camera_to_world=np.stack([orbit(a, p, detector.distance) for a, p in zip(azimuths, polar, strict=True)]),
            focal=np.full((count, 2), focal),
            centre=np.full((count, 2), size / 2),
            size=np.full((count, 2), size),
        )


def _count_or_numbers(value: Any, least: int, of: str) -> Any:
    """The value, if it is a count of at least `least` or a list of so many numbers. Raises ValueError otherwise."""
    count = isinstance(value, int) and not isinstance(value, bool) and least <= value <= _MOST
    numbers = isinstance(value, list) and len(value) >= least and all(is_number(v) for v in value)
    if not (count or numbers):
        hint = exponent_hint(*value) if isinstance(value, list) else None
        raise ValueError(f"must be a count from {least} to {_MOST} or a list of at least {least} {of}" + (f"; {hint}" if hint else ""))
    return value


class PlacedScene:
    """A checked scene, with its object read."""

    def __init__(self, scene: Scene, path: Path):
        """path: the scene's file; its folder holds the files that the scene names. Raises InputError."""
        self.scene, self.path = scene, Path(path)
        folder = self.path.parent
        if isinstance(scene.object, str):
            self.object = shapes.load_object(safe_path(folder, scene.object, f"{path}: object"), None)
        else:
            self.object = shapes.parse(scene.object, source=f"{path}: object", folder=folder)
        self.motion = motions.STILL if scene.motion is None else motions.parse(scene.motion, source=f"{path}: motion")

    def with_setup(self, setup: Setup) -> PlacedScene:
        """The same object, whose sequence another set-up takes. Raises InputError where scene and set-up do not fit."""
        other = copy.copy(self)
        other.scene = self.scene.with_setup(setup)
        return other


def load_scene(path: Path) -> PlacedScene:
    """Read and check a scene description (.yaml, .json). Raises InputError naming file and key."""
    tree = read_mapping(path)
    try:
        return PlacedScene(Scene.model_validate(tree), path)
    except ValidationError as error:
        raise InputError(explain(error, Scene).removeprefix(": "), where=path) from None  # one of the whole scene has no key
