"""A finished result, opened: attenuation and motion at any place and time, volumes, scores, training curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from xct4d.analysis import motion
from xct4d.analysis.kinematics import Kinematics
from xct4d.analysis.uncertainty import Motions, attenuation_on_grid, interpolated
from xct4d.directions import Reconstruction
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.io.ome_zarr import Volume, open_volume
from xct4d.io.stage_records import read_exposures, read_history, read_metrics
from xct4d.quantities import (
    ANALYSED,
    ATTENUATION,
    BY_NAME,
    DISPLACEMENT,
    DISPLACEMENT_UNCERTAINTY,
    MIXING_COEFFICIENT,
    OF_TWO_SCANS,
    QUANTITIES,
    VELOCITY,
)
from xct4d.report import result_record
from xct4d.report.result_record import ResultRecord
from xct4d.units import LENGTH, WORLD, Dimension, Scale

if TYPE_CHECKING:
    from os import PathLike

SAME_TIME = 1e-6  # times closer than this are the same


def open_result(folder: str | PathLike[str], *, units: Literal["mm", "world"] | None = None) -> Result:
    """Open the result of a dataset, as `xct4d.open`.

    folder: the dataset's results, such as results/balls; of a variant of a
    sweep too. units: of all places and values that the result takes and gives:
    "mm" (with seconds where the duration is known), "world" for world units
    (the box is [-1, 1]^3) and time units (one from t = 0 to t = 1). None: mm
    where the dataset says what a world unit is, else world units. Raises
    InputError where the folder holds no finished result, or mm are asked for
    and not known.
    """
    if units not in ("mm", "world", None):
        raise InputError(f'must be "mm", "world" or None, not {units!r}', where="units")
    folder = Path(folder)
    record = ResultRecord.load(_record(folder))
    if units == "mm" and record.scale.unit_mm is None:
        raise InputError(
            "does not say what a world unit is in mm", where=folder, fix='set input.unit_mm and run the workflow again, or open it with units="world"'
        )  # fmt: skip
    return Result(folder, record, WORLD if units == "world" else record.scale)


class Result:
    """What a dataset's reconstruction gives, in one system of units.

    Places are arrays [..., 3] of x, y, z, in mm or world units from the centre
    of the box. Times are in [0, 1], whatever the units: 0 at the first scan, 1
    at the second. A single time gives values of the shape of the places; a
    sequence of T times gives values [T, ...]. Values are float32 in the unit
    that `units` names.
    """

    def __init__(self, folder: Path, record: ResultRecord, scale: Scale):
        """scale: of the units in which places and values are; WORLD for world units."""
        self.folder = folder
        self._record = record
        self._scale = scale

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self._record.dataset

    @property
    def static(self) -> bool:
        """Whether nothing moves, and so there is nothing but attenuation at t = 0."""
        return not self._record.model.moves

    @property
    def mixes(self) -> bool:
        """Whether there are two scans: else there is only what follows from the first."""
        return self._record.model.backward is not None

    @property
    def scale(self) -> Scale:
        """What the dataset says of its units: unit_mm (mm per world unit) and duration_s (seconds from t = 0 to t = 1), else None."""
        return self._record.scale

    @property
    def units(self) -> dict[str, str]:
        """The unit of lengths and of each quantity."""
        return {"length": self._scale.length_unit} | {quantity.name: quantity.unit(self._scale) for quantity in QUANTITIES}

    @property
    def times(self) -> list[float]:
        """Times of the exported volumes."""
        return sorted({t for _, t in self._record.volumes})

    @cached_property
    def moments(self) -> list[float]:
        """Times at which the sample was exposed: 0, those of the sequence, 1; without a sequence those of the exported volumes."""
        between = [] if self._record.trust is None else read_exposures(self._record.trust / "trust.json")
        return sorted({0.0, *(between or self.times), 1.0})

    @property
    def volumes(self) -> dict[str, list[float]]:
        """Times of the volumes on disk by what they hold: a reconstruction (mixed, forward, backward) or a quantity (displacement)."""
        names = dict.fromkeys(name for name, _ in self._record.volumes)
        return {name: sorted(t for own, t in self._record.volumes if own == name) for name in names}

    @property
    def volume_folders(self) -> dict[tuple[str, float], Path]:
        """Where the volumes on disk lie, by what they hold and their time."""
        return dict(self._record.volumes)

    def volume(self, name: str, t: float, *, level: int = 0) -> Volume:
        """A volume on disk, read where it is indexed: [z, y, x], or [component, z, y, x] of a vector.

        name, t: as in `volumes`. level: 0 is the finest, each further one has
        half the voxels per axis. Raises InputError where there is no such
        volume.
        """
        if name not in self.volumes:
            raise InputError(f"has no {name} volumes", where=self.folder, fix=f"take one of {', '.join(self.volumes)}")
        for (own, time), path in self._record.volumes.items():
            if own == name and abs(time - t) < SAME_TIME:
                opened = open_volume(path, level)
                return opened.in_world_units() if self._scale == WORLD else opened
        times = ", ".join(f"{time:g}" for time in self.volumes[name])
        raise InputError(
            f"has no {name} volume of t = {t:g}", where=self.folder, fix=f"take one of {times}, or ask for single points, of any time"
        )

    @cached_property
    def model(self) -> Evolution:
        """The trained model, in world units: torch fields on the CPU."""
        return Evolution.load(self._record.model)

    def attenuation(self, points: ArrayLike, t: float | Sequence[float], reconstruction: Reconstruction | None = None) -> np.ndarray:
        """Attenuation at points [..., 3] and time t; zero outside the box.

        reconstruction: forward (from the first scan), backward (from the
        second) or mixed (both, weighted by the mixing coefficient); None: mixed,
        of a dataset of one scan forward. Raises InputError for points, times and
        reconstructions that there are not.
        """
        known = self.model.kinds
        kind = reconstruction or known[0]
        if kind not in known:
            raise InputError(f"{kind!r} is none of {', '.join(known)}", where="reconstruction")
        return self._evaluated(ATTENUATION.dimension, lambda model, places, time: model.attenuation(places, time, [kind])[kind], points, t)

    def displacement(self, points: ArrayLike, t: float | Sequence[float]) -> np.ndarray:
        """How far the material that is at points [..., 3] at time t has moved since t = 0: [..., 3]."""
        self._needs_motion()
        return self._evaluated(DISPLACEMENT.dimension, motion.displacement, points, t)

    def displacement_uncertainty(self, points: ArrayLike, t: float | Sequence[float]) -> np.ndarray:
        """Standard deviation of `displacement` in each direction: [..., 3]. Outside the material it means nothing."""
        self._needs_motion()
        return self._evaluated(DISPLACEMENT_UNCERTAINTY.dimension, lambda _, places, time: self._deviation(places, time), points, t)

    def velocity(self, points: ArrayLike, t: float | Sequence[float]) -> np.ndarray:
        """Velocity of the material that is at points [..., 3] at time t: [..., 3]."""
        self._needs_motion()
        return self._evaluated(VELOCITY.dimension, motion.velocity, points, t)

    def mixing_coefficient(self, points: ArrayLike, t: float | Sequence[float]) -> np.ndarray:
        """Weight of the backward canonical field in the mixed attenuation at points [..., 3] and time t: [...]."""
        self._needs_both_scans(MIXING_COEFFICIENT.label)
        return self._evaluated(MIXING_COEFFICIENT.dimension, Evolution.alpha, points, t)

    def quantity(self, name: str, points: ArrayLike, t: float | Sequence[float]) -> np.ndarray:
        """Any quantity that follows from the motion, such as "logarithmic_strain", at points [..., 3] and time t: [...] or [..., components].

        It is that of the material which is at the points at time t, since
        t = 0; the order of the components is that of `components`. Raises
        InputError for an unknown name.
        """
        if name not in ANALYSED:
            raise InputError(f"{name!r} is none of {', '.join(ANALYSED)}", where="name")
        if name in OF_TWO_SCANS:
            self._needs_both_scans(BY_NAME[name].label)
        self._needs_motion()
        motions = self.motions if name == DISPLACEMENT_UNCERTAINTY.name else None
        return self._evaluated(
            BY_NAME[name].dimension, lambda model, places, time: Kinematics(model, time, motions).at(places).value(name), points, t
        )

    @staticmethod
    def components(name: str) -> tuple[str, ...]:
        """Names of the components of a quantity, such as ("x", "y", "z"); none of a scalar. Raises InputError for an unknown name."""
        if name not in BY_NAME:
            raise InputError(f"{name!r} is none of {', '.join(BY_NAME)}", where="name")
        return BY_NAME[name].components

    def flow(self, points: ArrayLike, start: float, stop: float | Sequence[float]) -> np.ndarray:
        """Where the material that is at points [..., 3] at time `start` is at time `stop`: [..., 3]."""
        self._needs_motion()
        (begin,) = self._times(start, "start")
        return self._evaluated(LENGTH, lambda model, places, time: model.flow(places, begin, time), points, stop)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The scores, as evaluation/metrics.json has them: lengths in world units, errors in voxels where their names say so."""
        return read_metrics(self._record.evaluation / "metrics.json")

    @cached_property
    def history(self) -> dict[str, dict[str, np.ndarray]]:
        """Training curves by stage ("canonical forward", "velocity 9"): `step` and, of the same length, `loss` and its terms.

        held_out_psnr and held_out_ssim have pairs of step and value: [K, 2].
        """
        curves = {title: read_history(folder / "history.json") for title, folder in self._record.training.items()}
        return {title: {name: np.array(values) for name, values in own.items()} for title, own in curves.items()}

    @property
    def configuration(self) -> dict[str, Any]:
        """All sections of the configuration that the result was made with."""
        return dict(self._record.configuration)

    def __repr__(self) -> str:
        volumes = ", ".join(f"{name} ({len(times)})" for name, times in self.volumes.items())
        return f"<Result {self.name}: lengths in {self._scale.length_unit}; volumes {volumes} at {len(self.times)} times>"

    @cached_property
    def motions(self) -> Motions:
        """The motion that was fitted to all data, and samples of those that the data leave open, in world units."""
        self._needs_both_scans("stated uncertainty")
        if self._record.trust is None:
            raise InputError("states no uncertainty", where=self.folder, fix="run the workflow again")
        return Motions.load(self._record.trust)

    def _deviation(self, points: Tensor, t: float) -> Tensor:
        return interpolated(self.motions.deviation(t, attenuation_on_grid(self.model, t)), points)

    def _needs_both_scans(self, what: str) -> None:
        self._needs_motion()
        if not self.mixes:
            raise InputError(f"a dataset without a second scan has no {what}", where=self.folder)

    def _needs_motion(self) -> None:
        if self.static:
            raise InputError("a dataset of one scan has no motion", where=self.folder)

    def _evaluated(
        self, dimension: Dimension, compute: Callable[[Evolution, Tensor, float], Tensor], points: ArrayLike, t: float | Sequence[float]
    ) -> np.ndarray:  # fmt: skip
        """Values of a dimension, which `compute` gives in world units at points [N, 3] and one time."""
        places, shape = self._places(points)
        factor = np.float32(self._scale.factor(dimension))
        values = [compute(self.model, places, time).numpy() * factor for time in self._times(t, "t")]
        values = [own.reshape((*shape, *own.shape[1:])) for own in values]
        return values[0] if np.ndim(t) == 0 else np.stack(values)

    def _places(self, points: ArrayLike) -> tuple[Tensor, tuple[int, ...]]:
        """(points [N, 3] in world units, shape of the array without its last axis)."""
        try:
            array = np.asarray(points, np.float64)
        except (TypeError, ValueError):
            raise InputError("must be numbers", where="points") from None
        if array.ndim == 0 or array.shape[-1] != 3:
            raise InputError(f"must have x, y, z along their last axis, not the shape {array.shape}", where="points")
        if not np.isfinite(array).all():
            raise InputError("has NaN or infinite coordinates", where="points")
        return torch.from_numpy(array.reshape(-1, 3) / self._scale.factor(LENGTH)).float(), array.shape[:-1]

    def _times(self, t: float | Sequence[float], name: str) -> list[float]:
        try:
            times = np.atleast_1d(np.asarray(t, np.float64))
        except (TypeError, ValueError):
            raise InputError("must be a number or a sequence of numbers", where=name) from None
        if times.ndim > 1 or not len(times):
            raise InputError(f"must be a number or a sequence of numbers, not an array of shape {times.shape}", where=name)
        for time in times:
            if not 0 <= time <= 1:
                raise InputError(f"{time:g} is outside [0, 1]", where=name, fix="0 is the first scan, 1 the second")
            if self.static and time != 0:
                raise InputError(f"a dataset of one scan has no t = {time:g}", where=name, fix="take t = 0")
        return times.tolist()


def _record(folder: Path) -> Path:
    """The record in a folder of results. Raises InputError where there is none, saying why."""
    if not folder.is_dir():
        raise InputError(
            "does not exist" if not folder.exists() else "is not a folder",
            where=folder,
            fix="name the results of a dataset, such as results/balls",
        )
    path = folder / "report" / result_record.NAME
    if path.is_file():
        return path
    if (folder / "report").is_dir():
        raise InputError("was made by an older version of xct4d", where=folder, fix="run the workflow again, which makes the report anew")
    if variants := sorted(str(report.parent) for report in folder.parent.glob(f"{folder.name}~*/report")):
        raise InputError("only holds what the variants of a sweep share", where=folder, fix=f"open one of {', '.join(variants)}")
    if any((folder / stage).is_dir() for stage in ("prepared", "canonical", "velocity", "volumes")):
        raise InputError("is not finished: it has no report", where=folder, fix="run the workflow until it ends")
    raise InputError("is no result of xct4d", where=folder, fix="name the results of a dataset, such as results/balls")
