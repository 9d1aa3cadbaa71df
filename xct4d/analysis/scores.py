"""Scores of the volumes and the motion of a trained model at one time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch

from xct4d import metrics
from xct4d.analysis.object_centres import object_centres
from xct4d.analysis.scored_region import ScoredRegion
from xct4d.directions import Reconstruction
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_true_material
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.ome_zarr import Volume
from xct4d.phantom.known import KnownTruth
from xct4d.phantom.truth import Phantom

SLAB_POINTS = 2**21  # grid points compared at once
MATERIAL_POINTS = 100_000  # at most, drawn from all material points, on which displacements are compared
COARSE = 64  # grid points per axis on which the largest attenuation of the truth is looked for


@dataclass(frozen=True)
class TimeScores:
    """Scores of one time, and planes of each kind for a figure (attenuation per world unit)."""

    time: float
    record: dict[str, Any]  # as metrics.json has it
    images: dict[str, list[np.ndarray]]


@dataclass(frozen=True)
class Slab:
    """Some layers of grid points along z, with attenuation of every kind, and "truth" where it is known."""

    start: int  # number of the first layer
    points: np.ndarray  # [N, 3]
    values: dict[str, np.ndarray]  # [layers, n, n] per world unit


class ScoredVolumes:
    """The volumes of one time on a common grid of n^3 points: exported ones where they have that grid, else the model."""

    def __init__(self, evolution: Evolution, exported: Mapping[Reconstruction, Volume], t: float, truth: KnownTruth | None, n: int):
        self.kinds = evolution.kinds
        self.exported = {kind: volume for kind, volume in exported.items() if _covers_the_box(volume, n)}
        self._modelled = [kind for kind in self.kinds if kind not in self.exported]
        self._evolution, self._t, self._truth, self._n = evolution, t, truth, n

    def slabs(self) -> Iterator[Slab]:
        n, t, centres = self._n, self._t, voxel_centres(self._n)
        thickness = max(SLAB_POINTS // n**2, 1)
        for start in range(0, n, thickness):
            points = grid_points(centres[start : start + thickness], centres, centres)
            values = {kind: volume.in_world_units()[start : start + thickness] for kind, volume in self.exported.items()}
            if self._modelled:
                found = self._evolution.attenuation(torch.from_numpy(points).float(), t, self._modelled)
                values |= {kind: own.numpy().reshape(-1, n, n) for kind, own in found.items()}
            if self._truth is not None:
                values["truth"] = self._truth.density(points, t).reshape(-1, n, n)
            yield Slab(start, points, values)


@dataclass(frozen=True)
class Comparison:
    """Two volumes that arrive slab by slab, against each other."""

    correlation: metrics.Correlation = field(default_factory=metrics.Correlation)
    difference: metrics.MeanSquaredDifference = field(default_factory=metrics.MeanSquaredDifference)

    def add(self, a: np.ndarray, b: np.ndarray) -> None:
        self.correlation.add(a, b)
        self.difference.add(a, b)


def score_time(
    evolution: Evolution,
    exported: Mapping[Reconstruction, Volume],
    t: float,
    truth: KnownTruth | None,
    n: int,
    cut: Callable[[np.ndarray, int], list[np.ndarray]],
    region: ScoredRegion | None = None,
) -> TimeScores:
    """Scores of the volumes at time t on n^3 grid points, against each other and the truth, and displacement errors where the true motion is known.

    exported: volumes on disk by their kind. truth: what is known of the sample,
    which may be nothing at this time. cut(values, start): the parts of the
    shown planes that lie in a slab whose first layer is `start`. region: where
    it is scored; all of the box if None. Mean squared differences are of
    attenuation per world unit.
    """
    known = truth if truth is not None and truth.knows(t) else None
    volumes = ScoredVolumes(evolution, exported, t, known, n)
    against = {kind: Comparison() for kind in volumes.kinds}
    directions = Comparison()
    cuts: dict[str, list[list[np.ndarray]]] = {}
    material = []
    moved = cast(Phantom, known) if known is not None and known.knows_motion and not evolution.static else None
    largest = 0.0 if moved is None else float(moved.volume(COARSE, t).max())
    for slab in volumes.slabs():
        inside = slice(None) if region is None else region.contains(slab.points)
        values = {kind: own.ravel()[inside] for kind, own in slab.values.items()}
        if known is not None:
            for kind in volumes.kinds:
                against[kind].add(values[kind], values["truth"])
        if moved is not None:
            material.append(slab.points[inside][is_true_material(values["truth"], largest)])
        if evolution.mixes:
            directions.add(values["forward"], values["backward"])
        for kind, own in slab.values.items():
            cuts.setdefault(kind, []).append(cut(own, slab.start))
    record: dict[str, Any] = {
        "time": t,
        "source": {kind: "export" if kind in volumes.exported else "model" for kind in volumes.kinds},
        "self_correlation": directions.correlation.value if evolution.mixes else None,
        "mismatch": directions.difference.value if evolution.mixes else None,
        "correlation": None if known is None else {kind: own.correlation.value for kind, own in against.items()},
        "mean_squared_error": None if known is None else {kind: own.difference.value for kind, own in against.items()},
    }
    if moved is not None:
        record |= motion_errors(evolution, moved, np.concatenate(material), t, n)
    return TimeScores(t, record, {kind: [np.concatenate(parts) for parts in zip(*slabs, strict=True)] for kind, slabs in cuts.items()})


def _covers_the_box(volume: Volume, n: int) -> bool:
    """Whether its voxels are the n^3 of the whole box, and not as many of a region."""
    return volume.shape == (n, n, n) and all(np.allclose(axis, voxel_centres(n)) for axis in volume.in_world_units().coordinates)


def motion_errors(evolution: Evolution, truth: Phantom, material: np.ndarray, t: float, n: int) -> dict[str, Any]:
    """Errors of the displacement from t to both scans at points [M, 3] of material, and of the centres of separate objects from t to 0.

    n: voxels per axis of the box, for the errors in voxels. An error that
    cannot be computed is None.
    """
    record: dict[str, Any] = {"displacement_error": None, "displacement_error_to_end": None, "centre_error": None}
    if len(material) > MATERIAL_POINTS:
        material = material[np.random.default_rng(0).choice(len(material), MATERIAL_POINTS, replace=False)]
    if len(material):
        for direction, scan_time in evolution.scans.items():
            name = {"forward": "displacement_error", "backward": "displacement_error_to_end"}[direction]
            true = truth.flow(material, t, scan_time)
            record[name] = metrics.displacement_error(_carried(evolution, material, t, scan_time), true, n)
            record[name]["true_mean"] = float(np.linalg.norm(true - material, axis=1).mean())
    here, there = object_centres(truth.objects_at(t)), object_centres(truth.objects_at(0.0))
    if here is not None and there is not None:
        record["centre_error"] = metrics.displacement_error(_carried(evolution, here, t, 0.0), there, n)
    return record


def _carried(evolution: Evolution, points: np.ndarray, start: float, stop: float) -> np.ndarray:
    return evolution.flow(torch.from_numpy(points).float(), start, stop).numpy()
