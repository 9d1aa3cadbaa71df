"""Section `input`: where the projections come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from xct4d.config.base import Count, Fraction, Positive, Section
from xct4d.config.corrections import Geometry, Intensities
from xct4d.directions import State

VOXEL_FILES = (".npy", ".npz", ".raw", ".zarr")  # suffixes of volumes of voxels


class Split(Section):
    """Which projections are trained on and which are held out."""

    method: Literal["filename", "fraction", "interval", "list", "none"] = Field(
        "filename",
        description="filename: train_* and eval_* in the names; fraction: a fraction is trained on, and the held-out ones are evenly spaced; "
        "interval: every n-th is held out (both hold out one camera of the sequence at a time, the cameras in turn); "
        "list: the names in `held_out`; none: nothing is held out",
    )
    fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="fraction of the projections that is trained on (method fraction; 0.9 where it is not given)"
    )
    interval: Annotated[int, Field(ge=2)] | None = Field(
        None, description="every n-th projection is held out (method interval; 8 where it is not given)"
    )
    held_out: list[str] = Field([], description="file names held out (method list)")
    imin: Annotated[int, Field(ge=0)] = Field(
        0, description="first index of train_<index> used; this and the next three hold for the two scans, `sequence` for the sequence"
    )
    imax: Annotated[int, Field(ge=0)] | None = Field(None, description="last index of train_<index> used")
    istep: Count = Field(1, description="every istep-th index from imin is used")
    indices: list[Annotated[int, Field(ge=0)]] | None = Field(None, description="exactly these indices are used")

    @property
    def trained_fraction(self) -> float:
        """`fraction`, or its default where the method is fraction."""
        return 0.9 if self.fraction is None else self.fraction

    @property
    def held_out_every(self) -> int:
        """`interval`, or its default where the method is interval."""
        return 8 if self.interval is None else self.interval


class Sequence(Section):
    """Which projections of the sequence are used."""

    start: Fraction = Field(0.0, description="nothing before this time is used, in [0, 1] as export.times")
    stop: Fraction = Field(1.0, description="nothing after this time is used")
    step: Count = Field(1, description="of the times from start to stop every step-th is trained on; held-out projections stay")
    indices: list[Annotated[int, Field(ge=0)]] | None = Field(
        None, description="of each time exactly the projections train_<index> with these numbers are trained on"
    )

    @model_validator(mode="after")
    def _rises(self):
        if not self.start < self.stop:
            raise ValueError(f"stop ({self.stop:g}) must be above start ({self.start:g})")
        return self


class VolumeFile(Section):
    """A known attenuation volume over the box [-1, 1]^3."""

    path: str = Field(
        description="object description (.yaml, .json) or voxels (.npy, .npz, .raw, and for scoring .zarr), in the dataset's folder"
    )
    shape: tuple[Count, Count, Count] | None = Field(None, description=".raw only: voxels along z, y, x")
    dtype: Literal["uint8", "uint16", "uint32", "int16", "float32", "float64"] | None = Field(
        None, description=".raw only: type of a voxel; whole numbers are divided by the type's largest, negative ones stay negative"
    )

    grid: Literal["centres", "faces"] = Field(
        "centres",
        description="where the outermost voxels' values lie: half a voxel within the faces of the box (centres), or on the faces, as the "
        "reference program takes its .npz and .npy (faces); the difference is half a voxel at the edge and nothing in the middle",
    )

    @property
    def is_voxels(self) -> bool:
        """Whether the file holds voxels."""
        return self.path.lower().rstrip("/").endswith(VOXEL_FILES)

    @property
    def is_object(self) -> bool:
        """Whether the file describes an object rather than holding voxels."""
        return self.path.lower().endswith((".yaml", ".yml", ".json"))


class MeasuredVolume(VolumeFile):
    """Attenuation over the box [-1, 1]^3 at one time, such as the scan of an interrupted test."""

    time: Fraction = Field(description="its time, as those of export.times")


class Truth(Section):
    """What is known of the sample, for scoring: the object and its motion, or volumes measured at some times; scenes bring their own."""

    object: VolumeFile | None = Field(None, description="the object at t = 0")
    motion: dict[str, Any] | None = Field(None, description="its motion, with the keys of a scene's motion")
    volumes: list[MeasuredVolume] = Field(
        [], description="in place of object and motion: volumes measured at any times, which are scored whether or not they are exported"
    )

    @model_validator(mode="after")
    def _object_or_volumes(self):
        if (self.object is None) != (self.motion is None):
            raise ValueError("object and motion belong together; of an object whose motion is not known give volumes")
        if (self.object is None) != bool(self.volumes):
            raise ValueError("give either object and motion, or volumes")
        times = [volume.time for volume in self.volumes]
        if len(set(times)) != len(times):
            raise ValueError(f"volumes has a time twice: {times}")
        return self


class Input(Section):
    """Where the projections come from: a folder, or a scene that the program makes."""

    folder: str | None = Field(None, description="folder with a scanner's files, or with transforms JSON files")
    scene: str | None = Field(None, description="scene description (.yaml) to simulate; exclusive with folder")
    forward: str | None = Field(
        None,
        description="file that describes the scan at t = 0: a scanner's own, or a transforms file (default: transforms_NN.json, lowest NN)",
    )
    backward: str | None = Field(None, description="file that describes the scan at t = 1 (default: transforms_NN.json, highest NN)")
    between: str | None = Field(None, description="file that describes the whole sequence (default: transforms_AA_to_BB.json)")
    forward_volume: VolumeFile | None = Field(None, description="known volume at t = 0, for volumetric supervision")
    backward_volume: VolumeFile | None = Field(None, description="known volume at t = 1, for volumetric supervision")
    truth: Truth | None = Field(None, description="true object and motion, or volumes measured at some times, for scoring")
    split: Split = Split()
    sequence: Sequence = Sequence()
    geometry: Geometry = Geometry()
    forward_geometry: Geometry | None = Field(None, description="geometry of the scan at t = 0, in place of `geometry`")
    backward_geometry: Geometry | None = Field(
        None,
        description="geometry of the scan at t = 1, in place of `geometry`: of a sample that was mounted anew, or another region of the detector",
    )
    between_geometry: Geometry | None = Field(None, description="geometry of the sequence, in place of `geometry`")
    intensities: Intensities = Intensities()
    unit_mm: Positive | None = Field(
        None, description="mm per world unit (half the box); by default that of the files: for a scanner's, half its field of view"
    )
    duration_s: Positive | None = Field(None, description="seconds from t = 0 to t = 1")

    def geometry_of(self, state: State) -> Geometry:
        """The corrections of the cameras of one state."""
        own = {"forward": self.forward_geometry, "backward": self.backward_geometry, "between": self.between_geometry}[state]
        return self.geometry if own is None else own

    @model_validator(mode="after")
    def _plain_voxels(self):
        for key in ("forward_volume", "backward_volume"):
            volume = getattr(self, key)
            if volume is not None and volume.is_voxels and not volume.path.lower().endswith((".npy", ".npz", ".raw")):
                raise ValueError(f"{key}: OME-Zarr is read for scoring alone; store {volume.path} as .npy, .npz or .raw")
        return self

    @model_validator(mode="after")
    def _one_source(self):
        if (self.folder is None) == (self.scene is None):
            raise ValueError("give either folder (a dataset) or scene (to simulate one)")
        return self
