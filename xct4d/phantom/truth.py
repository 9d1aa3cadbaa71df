"""An object and its motion: density, displacement and projections at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from xct4d.config import Truth, VolumeFile
from xct4d.errors import InputError
from xct4d.geometry.views import Views
from xct4d.phantom import motions, projector, shapes
from xct4d.phantom.carry import move
from xct4d.phantom.described_volume import object_in
from xct4d.phantom.packed import Packed, pack
from xct4d.phantom.scenes import PlacedScene, load_scene

_AT_REST = np.zeros((0, motions.WIDTH))


@dataclass(frozen=True)
class Phantom:
    """The truth of a dataset: an object in [-1, 1]^3 that moves over t in [0, 1]."""

    object: shapes.Object
    motion: motions.Motion = motions.STILL
    multiplier: float = 1.0  # attenuation per world unit of density 1
    conserves_mass: bool = False  # whether compressed matter is denser
    reach: float = 1.0  # half-width of the cube whose matter is projected
    _packed: dict = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self):
        if isinstance(self.motion, motions.ObjectsMotion):
            members = self._members()
            if len(members) != len(self.motion.displacements):
                raise InputError(f"{len(self.motion.displacements)} displacements for {len(members)} objects", where="motion.displacements")
            if any(m.kind == shapes.VOXELS or not np.isfinite(m.high).all() for m in members):
                raise InputError("moves solid shapes only, no voxels or gyroids", where="motion.type")
        self._pack(0.0)

    @classmethod
    def load(cls, path: Path) -> Phantom:
        """The phantom of a scene description, or of the scene.yaml of a simulated dataset. Raises InputError."""
        return cls.of_scene(load_scene(path))

    @classmethod
    def of_scene(cls, placed: PlacedScene) -> Phantom:
        """The phantom of a scene. Raises InputError where its object and motion do not fit."""
        try:
            scene = placed.scene
            return cls(placed.object, placed.motion, scene.density_multiplier, scene.conserve_mass, scene.reach)
        except InputError as error:
            raise InputError(str(error), where=placed.path) from None

    @classmethod
    def from_truth(cls, truth: Truth, folder: Path) -> Phantom:
        """The phantom whose object and motion a dataset's configuration describes; paths are relative to the dataset's folder. Raises InputError."""
        thing = object_in(cast(VolumeFile, truth.object), folder, "input.truth.object")
        return cls(thing, motions.parse(truth.motion, source="input.truth.motion"))

    @property
    def times(self) -> tuple[float, ...]:
        """Times of which something is known beyond all others: none."""
        return ()

    def knows(self, t: float) -> bool:
        """Whether the object is known at time t: at all of them."""
        return True

    @property
    def knows_motion(self) -> bool:
        return True

    def density(self, points: np.ndarray, t: float) -> np.ndarray:
        """Attenuation per world unit at points [N, 3] at time t. Returns [N] float64."""
        return self.multiplier * projector.densities(self._pack(t), points, self._rows(t), self.conserves_mass)

    def flow(self, points: np.ndarray, t0: float, t1: float) -> np.ndarray:
        """Where the material at points [N, 3] at time t0 is at time t1. Returns [N, 3] float64.

        Where each object moves on its own, a point between objects goes with
        the nearest one.
        """
        points = np.ascontiguousarray(points, np.float64)
        if isinstance(self.motion, motions.ObjectsMotion):
            return points + (self.motion.at(t1) - self.motion.at(t0))[self._nearest(points, t0)]
        return move(self._rows(t0), self._rows(t1), points)

    def objects_at(self, t: float) -> dict[str, Any] | None:
        """The object's description at time t; None where the format cannot say it."""
        description = self.object.description
        if isinstance(self.motion, motions.ObjectsMotion):
            members = [shapes.translated(m, by) for m, by in zip(description["objects"], self.motion.at(t), strict=True)]
            return {**description, "objects": members}
        rows = self._rows(t)
        matrix = np.eye(3, 4) if len(rows) == 0 else rows[0, 1:13].reshape(3, 4)
        if not self.motion.straight or not np.array_equal(matrix[:, :3], np.eye(3)):
            return None
        return shapes.translated(description, -matrix[:, 3])  # the pull-back adds what the material loses

    def volume(self, n: int, t: float) -> np.ndarray:
        """Attenuation at the voxel centres of an n-voxel grid over [-1, 1]^3: [z, y, x] float32."""
        centres = (np.arange(n) + 0.5) * 2 / n - 1
        plane = np.stack(np.meshgrid(centres, centres, indexing="ij")[::-1], axis=-1).reshape(-1, 2)  # x fastest
        out = np.empty((n, n, n), np.float32)
        for k, z in enumerate(centres):
            points = np.column_stack([plane, np.full(len(plane), z)])
            out[k] = self.density(points, t).reshape(n, n)
        return out

    def line_integrals(self, rays: np.ndarray, t: float) -> np.ndarray:
        """Attenuation along rays [N, 8] (see geometry.cast) at time t. Returns [N] float64."""
        return self.multiplier * projector.line_integrals(self._pack(t), rays, self._rows(t), self._scale(), self.conserves_mass)

    def projection(self, views: Views, view: int, t: float) -> np.ndarray:
        """Attenuation along the rays through the pixel centres of one view at time t: [height, width] float64."""
        packed, rows = self._pack(t), self._rows(t)
        return self.multiplier * projector.projection(packed, views, view, rows, self._scale(), self.conserves_mass, self.reach)

    def _scale(self) -> float:
        return np.inf if isinstance(self.motion, motions.ObjectsMotion) else self.motion.scale

    def _rows(self, t: float) -> np.ndarray:
        return _AT_REST if isinstance(self.motion, motions.ObjectsMotion) else self.motion.rows(t)

    def _members(self) -> list[shapes.Leaf]:
        tree = self.object.tree
        if not isinstance(tree, shapes.Collection) or not all(isinstance(m, shapes.Leaf) for m in tree.members):
            raise InputError("moves the members of an object_collection of single shapes", where="motion.type", fix="use another type")
        return tree.members

    def _pack(self, t: float) -> Packed:
        if not isinstance(self.motion, motions.ObjectsMotion):
            t = 0.0  # the motion acts on the points
        if t not in self._packed:
            self._packed.clear()
            tree = self.object.tree
            if t > 0.0:
                tree = shapes.parse(self.objects_at(t), source=f"object at t = {t:g}", folder=None).tree
            self._packed[t] = pack(tree)
        return self._packed[t]

    def _nearest(self, points: np.ndarray, t: float) -> np.ndarray:
        """Index of the object nearest to each point, by the distance to the sphere around it."""
        members = self._members()
        centres = np.array([(m.low + m.high) / 2 for m in members]) + self.motion.at(t)
        radii = np.array([(m.high - m.low).max() / 2 for m in members])
        nearest = np.empty(len(points), np.int64)
        for start in range(0, len(points), 65536):
            part = slice(start, start + 65536)
            nearest[part] = (np.linalg.norm(points[part, None] - centres, axis=2) - radii).argmin(axis=1)
        return nearest
