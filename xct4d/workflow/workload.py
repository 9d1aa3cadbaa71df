"""What one job has to work on, in numbers: projections, pixels, voxels of the true object.

Read from file headers and scene descriptions before anything runs, without
torch or numba, so that demand on memory and time can be predicted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from xct4d.config import Config, Setup, VolumeFile
from xct4d.directions import State
from xct4d.errors import InputError

if TYPE_CHECKING:
    from xct4d.phantom.scenes import PlacedScene

UNREADABLE_PIXELS = 2**22  # assumed of an image whose header cannot be read
IMAGES = (".png", ".tif", ".tiff")
CONTAINERS = (".h5", ".hdf5", ".hdf", ".he5", ".nxs", ".nx", ".nexus", ".txrm", ".xrm")  # of many projections
BYTES_PER_PIXEL = 2  # assumed where many projections are in one file
STACKS = 16  # image files up to which one may be a stack of many


@dataclass(frozen=True)
class Workload:
    """One job: its dataset's configuration and files, its threads, its velocity level."""

    config: Config
    scene_files: Sequence[str]  # the scene first; empty where the dataset is a folder
    state_files: Mapping[State, Sequence[str]]  # of a folder: what `prepare` reads for each state
    truth_files: Sequence[str]  # of a folder: the true object
    exported_times: int
    threads: int
    resolution: int = 0  # control points per axis of the velocity level; 0 in other stages

    @property
    def projections(self) -> int:
        if self.scene_files:
            return self._scene.projections
        files = [*self._containers, *(self._images if len(self._images) <= STACKS else ())]
        stored = sum(max(1, round(_size(str(file)) / (BYTES_PER_PIXEL * self.pixels))) for file in files)
        return max(1, stored if len(self._images) <= STACKS else len(self._images))

    @cached_property
    def pixels(self) -> int:
        """Pixels of one projection before it is downscaled."""
        if self.scene_files:
            return self._scene.pixels
        return _pixels(str(self._images[0])) if self._images else UNREADABLE_PIXELS

    @property
    def simulated_images(self) -> int:
        """Images computed for a scene's projections: several for each one that is blurred by motion."""
        return self._scene.sharp_images

    @property
    def written_voxels(self) -> tuple[int, int]:
        """Voxels of one volume of the truth that a scene's dataset gets, and number of these volumes."""
        scene = self._scene
        return scene.written_voxels, scene.written_volumes

    @property
    def prepared_pixels(self) -> int:
        """Pixels of all projections together after they are downscaled."""
        settings, side = self.config.prepare, math.sqrt(self.pixels)
        factor = settings.downscale or (max(1, side // settings.target_size) if settings.target_size else 1)
        return math.ceil(self.projections * self.pixels / factor**2)

    @property
    def held_out(self) -> float:
        """Projections that are scored.

        At least a tenth of all: lists in the transforms files may name others than the configuration does.
        """
        split, count = self.config.input.split, self.projections
        found: float
        if split.method == "fraction":
            found = (1 - split.trained_fraction) * count
        elif split.method == "interval":
            found = count / split.held_out_every
        elif split.method == "list":
            names = {PurePosixPath(name).name for name in split.held_out}
            found = count if self.scene_files else sum(image.name in names for image in self._images)
        elif split.method == "filename":
            found = self._scene.held_out if self.scene_files else sum("train" not in image.stem for image in self._images)
        else:
            found = 0.0
        return max(found, count / 10)

    @property
    def scored_times(self) -> int:
        """Times at which volumes are compared, at most: the exported ones and those of measured volumes."""
        return self.exported_times + (0 if self.config.input.truth is None else len(self.config.input.truth.volumes))

    @property
    def true_voxels(self) -> int:
        """Voxels of the true object's volumes, or of the largest measured one; 0 where there are none."""
        truth = self.config.input.truth
        if self.scene_files:
            return self._scene.voxels
        files: list[VolumeFile] = [] if truth is None else [*truth.volumes, *([] if truth.object is None else [truth.object])]
        return max((self._voxels(file) for file in files if file.is_voxels), default=0)  # of several one is read at a time

    @property
    def region_voxels(self) -> int:
        """Voxels of the mask of the region that is scored; 0 where there is none."""
        region = self.config.evaluate.region
        return 0 if region is None or region.mask is None or not region.mask.is_voxels else self._voxels(region.mask)

    @property
    def _scene(self) -> _Scene:
        return _scene(self.scene_files[0], self.config.setup)

    def _voxels(self, file: VolumeFile) -> int:
        from xct4d.phantom.described_volume import object_in

        try:
            return math.prod(map(int, object_in(file, Path(str(self.config.input.folder)), "").files[file.path].shape))
        except InputError:  # the stage that reads it says what is wrong
            return 0

    @cached_property
    def _images(self) -> list[PurePosixPath]:
        return self._files(IMAGES)

    @cached_property
    def _containers(self) -> list[PurePosixPath]:
        return self._files(CONTAINERS)

    def _files(self, suffixes: tuple[str, ...]) -> list[PurePosixPath]:
        files = {file for files in self.state_files.values() for file in files if file.lower().endswith(suffixes)}
        return [PurePosixPath(file) for file in sorted(files)]


class _Scene(NamedTuple):
    projections: int
    held_out: int  # of these
    sharp_images: int  # computed for them
    pixels: int  # of one
    voxels: int  # of the object's volumes
    written_voxels: int  # of one volume of the truth
    written_volumes: int


@cache
def _scene(path: str, setup: Setup) -> _Scene:
    placed = _placed(path)
    scene, volumes = placed.scene.with_setup(setup), placed.object.files.values()
    voxels = sum(math.prod(volume.shape) for volume in volumes)
    written = (0, 0) if scene.truth is None else (scene.truth.resolution**3, len(scene.truth.times))
    return _Scene(scene.projections(), scene.held_out(), scene.sharp_images(), scene.detector.resolution**2, voxels, *written)


@cache
def _placed(path: str) -> PlacedScene:
    from xct4d.phantom.scenes import load_scene  # imports numpy: only where a dataset is simulated

    return load_scene(Path(path))


def _size(path: str) -> int:
    """Bytes of a file, 0 where it is not there."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


@cache
def _pixels(image: str) -> int:
    from PIL import Image

    try:
        with Image.open(image) as opened:
            return math.prod(opened.size)
    except Exception:  # noqa: BLE001 - `prepare` says what is wrong with it
        return UNREADABLE_PIXELS
