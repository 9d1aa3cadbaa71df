"""Memory and time of a stage's job, predicted from the configuration for schedulers that must be told before.

Memory counts what a stage holds at its worst moment, array by array; time is
a generous bound from the number of samples. Read by the Snakefile on every
run, so it imports neither torch nor numba.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from xct4d.config import Config, Velocity
from xct4d.errors import InputError
from xct4d.workflow.plan import Dataset

MB = 2**20
# A process with everything imported, a second one while kernels compile, and two of Snakemake around them.
BASE_MB = 1500
SLAB = 2**21  # points or samples that evaluate, and the training's own look at held-out projections, take at once
PER_TRUE_VOXEL = 14  # bytes, of a scene or truth given as voxels: the file's pages, read into float32, several put together
STAGES_OF = {"euler": 1, "midpoint": 2, "rk4": 3}  # distinct times within a step of a solver, its end included

# Of one CPU of 2020, microseconds.
PER_LEVEL_SAMPLE = 0.5  # canonical, per level of the hash grid
PER_SAMPLE = 10.0  # velocity, mixing
PER_VOXEL = 15.0  # a volume of every kind, or a held-out ray's sample
PER_PIXEL = 5.0  # simulated
PER_READ_PIXEL = 0.5
OCCUPIED = 0.3  # of a held-out ray lies in cells that are not empty
SCORED_PIXELS = 2**18  # of a held-out projection, as stages.evaluate
REPORT = 5e6  # points at which the report's figures ask the model
GPU = 10  # times faster than a CPU of 2020
SPARE = 5  # times: slower machines, fuller objects
LEAST_MINUTES = 10


def memory_mb(stage: str, dataset: Dataset, threads: int, resolution: int = 0) -> int:
    """MB (2^20 bytes) that a job takes. stage: a module of xct4d.stages; resolution: the velocity level's."""
    config = dataset.config
    if stage == "series":
        return BASE_MB
    if stage == "rasterise":
        return BASE_MB + math.ceil(8 * config.canonical.bake**3 / MB)
    if stage in ("simulate", "prepare"):
        voxels = PER_TRUE_VOXEL * _true_voxels(dataset) if stage == "simulate" else 0
        return BASE_MB + math.ceil((_pixel_work(dataset) + voxels) / MB)
    size = {"canonical": _canonical, "velocity": _velocity, "mixing": _mixing, "export": _export, "evaluate": _evaluate, "report": _evaluate}[stage]
    stored = 2 * _prepared_pixels(dataset) if stage != "export" else 0  # mapped from disk, but counted by schedulers
    truth = PER_TRUE_VOXEL * _true_voxels(dataset) if stage == "evaluate" else 0
    return BASE_MB + math.ceil((size(config, threads, resolution) + stored + truth) / MB)


def minutes(stage: str, dataset: Dataset, threads: int, resolution: int = 0) -> int:
    """Minutes within which a job ends on any machine that is not far too slow. Arguments as of memory_mb."""
    config = dataset.config
    count, pixels = _images(dataset)
    if stage == "simulate":
        work = _scene(dataset.scene_files[0]).sharp_images * pixels * PER_PIXEL
    elif stage == "rasterise":
        work = config.canonical.bake**3 * PER_VOXEL
    elif stage == "prepare":
        work = count * pixels * PER_READ_PIXEL
    elif stage == "canonical":
        own = config.canonical
        work = own.steps * own.rays * own.samples * own.grid.levels * PER_LEVEL_SAMPLE + own.bake**3 * PER_VOXEL
    elif stage == "velocity":
        own = next(level for level in config.velocity.levels if level.resolution == resolution)
        work = own.steps * config.velocity.rays * config.velocity.samples * PER_SAMPLE
    elif stage == "mixing":
        work = config.mixing.steps * config.mixing.rays * config.mixing.samples * PER_SAMPLE
    elif stage == "series":
        work = 0.0
    elif stage == "export":
        work = config.export.resolution**3 * PER_VOXEL
    elif stage == "report":
        work = REPORT * PER_VOXEL
    else:
        # a ray has as many samples as the image has pixels along a side
        each = _prepared_pixels(dataset) / count
        seen = _held_out(dataset) * min(each, SCORED_PIXELS) * math.sqrt(each) * OCCUPIED
        work = (len(dataset.times) * config.evaluate.resolution**3 + seen) * PER_VOXEL
    if config.device == "cuda" and stage not in ("simulate", "prepare", "rasterise"):
        work /= GPU
    single = 1 if stage == "prepare" else threads
    return LEAST_MINUTES + math.ceil(SPARE * work / single / 60e6)


def _pixel_work(dataset: Dataset) -> float:
    """An image in float64 with a few copies, and the preview."""
    return 64 * _images(dataset)[1] + 150 * MB


def _table(config: Config) -> float:
    """The hash grid's table, at most."""
    return (config.canonical.grid.levels << config.canonical.grid.log2_size) * 2 * 4


def _canonical(config: Config, threads: int, _resolution: int) -> float:
    own = config.canonical
    table = 10 * _table(config)  # parameters, gradient, two moments, and twice three of them as a checkpoint is written
    samples = own.rays * own.samples * (16 * own.grid.levels + 100)
    volume = (4 if own.volume_weight else 3) * 4 * own.bake**3
    return table + samples + volume + 64 * SLAB


def _control(velocity: Velocity, resolution: int) -> float:
    """Control points in space at every time that a flow through the whole time visits."""
    times = math.ceil(1 / velocity.ode_step) * STAGES_OF[velocity.solver]
    return times * resolution**3 * 3 * 4


def _velocity(config: Config, threads: int, resolution: int) -> float:
    own = config.velocity
    volumes = 64 * config.canonical.bake**3  # both, sharp and blurred; the blur's copies; solid voxels' centres
    parameters = 10 * own.modes * resolution**3 * 3 * 4
    gradients = (threads + 3) * _control(own, resolution)  # one buffer a thread
    samples = own.rays * own.samples * (12 * STAGES_OF[own.solver] * math.ceil(1 / own.ode_step) + 150)
    return volumes + parameters + gradients + samples + own.points * 1000 + 64 * SLAB


def _mixing(config: Config, threads: int, _resolution: int) -> float:
    own = config.mixing
    volumes = 16 * config.canonical.bake**3
    control = 2 * _control(config.velocity, config.velocity.levels[-1].resolution)
    spline = (threads + 10 * own.modes) * own.resolution**3 * 4
    return volumes + control + spline + own.rays * own.samples * 200 + 64 * SLAB


def _fields(config: Config) -> float:
    """The trained model."""
    return 2 * _table(config) + 3 * _control(config.velocity, config.velocity.levels[-1].resolution)


def _export(config: Config, threads: int, _resolution: int) -> float:
    tile = min(config.export.tile, config.export.resolution)
    return _fields(config) + tile**3 * (100 + 12 * len(config.export.kinds)) + 300 * 2**17


def _evaluate(config: Config, threads: int, _resolution: int) -> float:
    n = config.evaluate.resolution
    material = 24 * n**3  # points inside it, float64, where the truth is known: half the box
    return _fields(config) + 150 * max(SLAB, n**2) + material + 100 * MB


class _Scene(NamedTuple):
    projections: int
    held_out: int  # of these
    sharp_images: int  # computed for them
    pixels: int  # of one
    voxels: int  # of the object's volumes


@cache
def _scene(path: str) -> _Scene:
    from xct4d.phantom.scenes import load_scene  # brings numpy: only for those who simulate

    placed = load_scene(path)
    scene, volumes = placed.scene, placed.object.files.values()
    return _Scene(scene.projections(), scene.held_out(), scene.sharp_images(), scene.detector.resolution**2, sum(math.prod(v.shape) for v in volumes))


def _true_voxels(dataset: Dataset) -> int:
    """Voxels of the true object's volumes; 0 where it has none."""
    truth = dataset.config.input.truth
    if dataset.simulated:
        return _scene(dataset.scene_files[0]).voxels
    if truth is None or not truth.object.path.lower().endswith((".npy", ".npz", ".raw")):
        return 0
    from xct4d.io.voxels import open_voxels

    try:
        return math.prod(open_voxels(dataset.truth_files[0], truth.object.shape, truth.object.dtype).shape)
    except InputError:  # what is wrong with it is the stage's to say
        return 0


def _folder_images(dataset: Dataset) -> list[PurePosixPath]:
    files = {file for files in dataset.state_files.values() for file in files if not file.endswith((".json", ".xtekct"))}
    return [PurePosixPath(file) for file in sorted(files)]


def _held_out(dataset: Dataset) -> float:
    """Number of projections that are scored: at least a tenth, as lists in the transforms files may name others than the configuration."""
    count, split = _images(dataset)[0], dataset.config.input.split
    if split.method == "fraction":
        found = (1 - split.fraction) * count
    elif split.method == "interval":
        found = count / split.interval
    elif split.method == "list":
        names = {PurePosixPath(name).name for name in split.held_out}
        found = count if dataset.simulated else sum(image.name in names for image in _folder_images(dataset))
    elif split.method == "filename":
        found = _scene(dataset.scene_files[0]).held_out if dataset.simulated else sum("train" not in image.stem for image in _folder_images(dataset))
    else:
        found = 0
    return max(found, count / 10)


def _images(dataset: Dataset) -> tuple[int, int]:
    """(number of projections, pixels of one before it is downscaled)."""
    if dataset.simulated:
        scene = _scene(dataset.scene_files[0])
        return scene.projections, scene.pixels
    images = _folder_images(dataset)
    return len(images), _pixels(str(images[0]))


@cache
def _pixels(image: str) -> int:
    from PIL import Image

    try:
        with Image.open(image) as opened:
            return math.prod(opened.size)
    except Exception:  # noqa: BLE001 - what is wrong with it is prepare's to say
        return 2**22


def _prepared_pixels(dataset: Dataset) -> int:
    count, pixels = _images(dataset)
    settings, side = dataset.config.prepare, math.sqrt(pixels)
    factor = settings.downscale or (max(1, side // settings.target_size) if settings.target_size else 1)
    return math.ceil(count * pixels / factor**2)
