"""Every key of the configuration: its type, default, limits and meaning.

One pydantic model per section. The default YAML file, the JSON schema and the
checks all come from these models, so a key is described here and nowhere else.
This module imports neither torch nor numba: the Snakefile reads it on every run.
"""

from __future__ import annotations

import copy
import difflib
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xct4d.errors import InputError

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Direction = Literal["forward", "backward"]
Kind = Literal["mixed", "forward", "backward"]
Device = Literal["auto", "cpu", "cuda"]
NAME = "[A-Za-z0-9_-]+"  # of a dataset, and so of its folder


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Split(Section):
    """Which projections are trained on and which are held out."""

    method: Literal["filename", "fraction", "interval", "list", "none"] = Field(
        "filename",
        description="filename: train_* and eval_* in the names; fraction: a part is trained on, the held-out ones spread evenly; "
        "interval: every n-th is held out; list: the names in `held_out`; none: nothing is held out",
    )
    fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description="part trained on (method fraction, there 0.9 by default)")
    interval: Annotated[int, Field(ge=2)] | None = Field(None, description="every n-th projection is held out (method interval, there 8 by default)")
    held_out: list[str] = Field([], description="file names held out (method list)")
    imin: Annotated[int, Field(ge=0)] = Field(0, description="first index of train_<index> used; this and the next three hold for the two scans, the sequence is used whole")
    imax: Annotated[int, Field(ge=0)] | None = Field(None, description="last index of train_<index> used")
    istep: Count = Field(1, description="every istep-th index from imin is used")
    indices: list[Annotated[int, Field(ge=0)]] | None = Field(None, description="exactly these indices are used")


class VolumeFile(Section):
    """A known attenuation volume over the box [-1, 1]^3."""

    path: str = Field(description="object description (.yaml, .json) or voxels (.npy, .npz, .raw), in the dataset's folder")
    shape: tuple[Count, Count, Count] | None = Field(None, description=".raw only: voxels along z, y, x")
    dtype: Literal["uint8", "uint16", "uint32", "int16", "float32", "float64"] | None = Field(
        None, description=".raw only: type of a voxel; whole numbers are divided by the type's largest, negative ones stay negative"
    )

    @property
    def is_object(self) -> bool:
        """Whether the file describes an object rather than holding voxels."""
        return self.path.lower().endswith((".yaml", ".yml", ".json"))


class Truth(Section):
    """The true object and its motion, for scoring; scenes bring their own."""

    object: VolumeFile = Field(description="the object at t = 0")
    motion: dict[str, Any] = Field(description="its motion, with the keys of a scene's motion")


class Input(Section):
    """Where the projections come from: a folder, or a scene that the program makes."""

    folder: str | None = Field(None, description="dataset folder with transforms JSON files")
    scene: str | None = Field(None, description="scene description (.yaml) to simulate; exclusive with folder")
    forward: str | None = Field(None, description="transforms file of the scan at t = 0 (default: transforms_NN.json, lowest NN)")
    backward: str | None = Field(None, description="transforms file of the scan at t = 1 (default: highest NN)")
    between: str | None = Field(None, description="transforms file of the whole sequence (default: transforms_AA_to_BB.json)")
    forward_volume: VolumeFile | None = Field(None, description="known volume at t = 0, for volumetric supervision")
    backward_volume: VolumeFile | None = Field(None, description="known volume at t = 1, for volumetric supervision")
    truth: Truth | None = Field(None, description="true object and motion, for scoring")
    split: Split = Split()
    unit_mm: Positive | None = Field(None, description="mm per world unit (half the box)")
    duration_s: Positive | None = Field(None, description="seconds from t = 0 to t = 1")

    @model_validator(mode="after")
    def _one_source(self):
        if (self.folder is None) == (self.scene is None):
            raise ValueError("give either folder (a dataset) or scene (to simulate one)")
        return self


class Prepare(Section):
    """Checks and downscaled copies."""

    target_size: Count | None = Field(250, description="downscale by the largest whole factor that leaves this many pixels along the longer side")
    downscale: Count | None = Field(None, description="downscale by exactly this factor; overrides target_size")
    check_intensities: bool = Field(
        True, description="refuse projections that look inverted, not divided by the flat field, or unlike the others; false: only note it"
    )


class HashGrid(Section):
    """Multiresolution hash grid (Mueller et al. 2022, section 3) and the MLP behind it."""

    levels: Annotated[int, Field(ge=1, le=32)] = Field(12, description="resolution levels")
    log2_size: Annotated[int, Field(ge=8, le=24)] = Field(16, description="log2 of the largest number of entries a level has")
    coarsest: Annotated[int, Field(ge=2)] = Field(8, description="cells per axis of the coarsest level")
    finest: Annotated[int, Field(ge=2)] = Field(512, description="cells per axis of the finest level")
    width: Annotated[int, Field(ge=4)] = Field(64, description="neurons of the hidden layer")

    @model_validator(mode="after")
    def _in_order(self):
        if self.finest < self.coarsest:
            raise ValueError(f"finest ({self.finest}) must not be less than coarsest ({self.coarsest})")
        return self


class FlatField(Section):
    """Correction of the I0 level, a factor exp(-f)."""

    train: bool = Field(True, description="fit the I0 level; otherwise what it starts from stands")
    penalty: NonNegative = Field(0.005, description="weight of f^2 in the loss")
    learning_rate: Positive = Field(1e-3, description="Adam's learning rate")


class DriftingFlatField(FlatField):
    """Correction of an I0 level that drifts in time, a factor exp(-f(t)); it starts as the straight line between the ends."""

    knots: Annotated[int, Field(ge=4)] = Field(6, description="control points of f(t), a cubic B-spline in time")


class Decay(Section):
    """How the learning rate goes over the steps: warm-up, steady part, exponential decay."""

    final: Positive = Field(1e-4, description="learning rate at the last step, at most the steady rate")
    warmup: Fraction = Field(0.02, description="part of the steps that rises linearly from zero")
    steady: Fraction = Field(0.5, description="part of the steps before the decay begins, warm-up included")

    @model_validator(mode="after")
    def _in_order(self):
        if self.steady < self.warmup:
            raise ValueError("steady must not be less than warmup")
        return self


class Schedule(Decay):
    """Learning rate over the steps: warm-up, steady part, exponential decay."""

    learning_rate: Positive = Field(1e-2, description="Adam's learning rate in the steady part")


class Canonical(Section):
    """The static field of one end."""

    steps: Count = Field(1000, description="training steps")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(64, description="samples per ray inside the box; what empty space saves goes into finer samples and more rays")
    grid: HashGrid = HashGrid()
    schedule: Schedule = Schedule()
    flat_field: FlatField = FlatField()
    volume_weight: NonNegative = Field(0.0, description="weight of 1 - normalized correlation with the end's known volume")
    bake: Annotated[int, Field(ge=8)] = Field(192, description="voxels per axis of the baked copy that velocity and mixing train on")
    evaluate_every: Count = Field(250, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(200, description="steps between checkpoints")


class Level(Section):
    """One resolution of the velocity field."""

    resolution: Annotated[int, Field(ge=4)] = Field(description="control points per axis")
    steps: Count = Field(description="training steps")
    learning_rate: Positive = Field(description="Adam's learning rate in the steady part")
    blur: NonNegative = Field(0.0, description="Gaussian blur of the baked volumes, standard deviation in world units")
    smoothness_weight: NonNegative = Field(1e-7, description="weight of the velocity's bending energy")
    strain_weight: NonNegative = Field(1e-3, description="weight of the mean squared strain rate inside the material")


class Velocity(Section):
    """The velocity field, level by level; each level starts from the one before, refined."""

    levels: list[Level] = Field(
        [
            Level(resolution=6, steps=300, learning_rate=1e-2, blur=0.04),
            Level(resolution=9, steps=250, learning_rate=5e-3, blur=0.02),
            Level(resolution=15, steps=250, learning_rate=3e-3),
        ],
        description="levels from coarse to fine; 6, 9, 15, 27, 51 refine into each other exactly",
        min_length=1,
    )
    modes: Annotated[int, Field(ge=4)] = Field(6, description="control points in time (cubic B-spline)")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(64, description="samples per ray inside the box")
    ode_step: Annotated[float, Field(gt=0, le=1)] = Field(0.1, description="longest time step of the flow's integration")
    solver: Literal["euler", "midpoint", "rk4"] = Field("midpoint", description="one-step method of the flow's integration")
    schedule: Decay = Decay()
    early_times_first: Fraction = Field(0.5, description="part of the first level's steps in which the times reach from one end to the other; 0: all times at once")
    max_images_per_time: Count | None = Field(None, description="use at most this many projections of a time")
    volume_weight: NonNegative = Field(0.0, description="weight of 1 - normalized correlation of the ends, each carried to the other, at random points")
    mismatch_weight: NonNegative = Field(0.0, description="weight of the squared difference of forward and backward densities at random points and times")
    points: Count = Field(4096, description="random points per step for the volume, mismatch and strain terms")
    flat_field: DriftingFlatField = DriftingFlatField(train=False)
    evaluate_every: Count = Field(200, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(200, description="steps between checkpoints")

    @model_validator(mode="after")
    def _rising(self):
        resolutions = [level.resolution for level in self.levels]
        if resolutions != sorted(set(resolutions)):
            raise ValueError(f"levels must rise in resolution, not {resolutions}")
        return self


class Mixing(Section):
    """How the two canonicals are blended: mu = (1 - alpha) forward + alpha backward."""

    method: Literal["constant", "temporal", "smoothstep", "spline"] = Field(
        "temporal", description="alpha is: constant; t; 3t^2 - 2t^3; or a trained spline in space and time (a stage of its own)"
    )
    alpha: Fraction = Field(0.5, description="the constant (method constant)")
    resolution: Annotated[int, Field(ge=4)] = Field(9, description="control points per axis (method spline)")
    modes: Annotated[int, Field(ge=4)] = Field(6, description="control points in time (method spline)")
    steps: Count = Field(200, description="training steps")
    rays: Count = Field(512, description="rays per step")
    samples: Count = Field(64, description="samples per ray inside the box")
    schedule: Schedule = Schedule()
    flat_field: FlatField = FlatField(train=False)
    evaluate_every: Count = Field(100, description="steps between held-out PSNR and SSIM")
    checkpoint_every: Count = Field(100, description="steps between checkpoints")


class Export(Section):
    """Volumes on disk, one Zarr group per kind and time."""

    times: list[Fraction] = Field([0.0, 0.25, 0.5, 0.75, 1.0], description="times exported", min_length=1)
    kinds: list[Kind] = Field(["mixed", "forward", "backward"], description="volumes exported for each time", min_length=1)
    resolution: Annotated[int, Field(ge=4)] = Field(200, description="voxels per axis")
    dtype: Literal["float32", "float16", "uint8", "uint16"] = Field("float32", description="type of a voxel; whole numbers span the window")
    window: tuple[Finite, Finite] | None = Field(None, description="uint8 and uint16 only: attenuation (per world unit) at the lowest and highest whole number (default: 0 and the volume's maximum)")
    tile: Annotated[int, Field(ge=8)] = Field(128, description="voxels per axis of a tile computed at once")
    series: bool = Field(True, description="also join the times of each kind into one film (t, z, y, x)")

    @model_validator(mode="after")
    def _distinct(self):
        for name in ("times", "kinds"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} has a value twice: {values}")
        return self

    @model_validator(mode="after")
    def _rising_window(self):
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(f"window must rise, not {list(self.window)}")
        return self


class Evaluate(Section):
    """Scores and figures."""

    resolution: Annotated[int, Field(ge=8)] = Field(200, description="grid points per axis on which volumes are compared")


class Config(Section):
    """The whole configuration of one dataset."""

    input: Input
    prepare: Prepare = Prepare()
    canonical: Canonical = Canonical()
    velocity: Velocity = Velocity()
    mixing: Mixing = Mixing()
    export: Export = Export()
    evaluate: Evaluate = Evaluate()
    device: Device = Field("auto", description="auto: a CUDA GPU where the machine has one; cuda: always one, and one asked for on a cluster; cpu")
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="seed of the training's random numbers; the noise of a scene has the scene's own")
    sweep: dict[str, list[int | float | bool | str]] = Field(
        {},
        description="dotted key -> values: each combination is run as a dataset of its own, sharing every stage that it can; "
        "a dataset's own sweep replaces this one, and {} leaves the dataset out of it",
    )


def resolve(tree: dict[str, Any], source: str = "config") -> dict[str, Config]:
    """Config of each dataset: the shared sections, overridden by the dataset's own.

    tree: the parsed YAML. `datasets` maps a name to overrides of the other
    sections. source: what messages call it, such as its file. Raises InputError naming the key, and the nearest valid one where
    a key is unknown.
    """
    datasets = tree.get("datasets")
    if not isinstance(datasets, dict) or not datasets:
        raise InputError("no datasets", where=f"{source}: datasets", fix="name at least one, with its input")
    shared = {key: value for key, value in tree.items() if key != "datasets"}
    configs = {}
    for name, own in datasets.items():
        where = f"{source}: datasets.{name}"
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            raise InputError("a dataset's name has ASCII letters, digits, - and _ only", where=where)
        if not isinstance(own, dict):
            raise InputError("must map keys to values", where=where, fix="give at least its input")
        try:
            # keys of a shared sweep that a dataset does not name would multiply its own
            configs[name] = Config.model_validate(_merged(shared, own) | ({"sweep": own["sweep"]} if "sweep" in own else {}))
        except ValidationError as error:
            raise InputError(explain(error), where=source + (f" ({name})" if len(datasets) > 1 else "")) from None
    return configs


def _merged(base: dict, over: dict) -> dict:
    out = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merged(out[key], value)
        else:
            out[key] = copy.deepcopy(value)
    return out


def explain(error: ValidationError, root: type[Section] = Config) -> str:
    """The first complaint about a tree of sections in one line: key, what is wrong, the nearest valid key."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        valid = _keys_at(first["loc"][:-1], root)
        near = difflib.get_close_matches(str(first["loc"][-1]), valid, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"valid keys are {', '.join(valid)}"
        return f"{key}: unknown key; {hint}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"{key}: is required"
    shown = repr(first["input"])
    return f"{key}: {message}" + (f" (is {shown})" if len(shown) < 60 else "")


def _keys_at(location: tuple, root: type[Section]) -> list[str]:
    """Valid keys of the section at a location of the tree."""
    model: Any = root
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = section_of(field.annotation) if field is not None else None
        if model is None:
            return []
    return list(model.model_fields)


def section_of(annotation: Any) -> type[Section] | None:
    """The section in a key's type: of `Split`, of `VolumeFile | None`, of `list[Level]`; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := section_of(inner)) is not None:
            return found
    return None
