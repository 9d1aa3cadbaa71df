"""One dataset of the configuration: which stages it has, where their outputs lie, which files it starts from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product

from xct4d.config import Config, VolumeFile
from xct4d.directions import RECONSTRUCTIONS, SCAN_TIME, Direction, State
from xct4d.quantities import ANALYSED, OF_TWO_SCANS
from xct4d.workflow.stages import STAGES
from xct4d.workflow.sweep import Value, Variant

PARTS = (*SCAN_TIME, "motion")  # of a model that `refine` trains


def spelled(time: float) -> str:
    """A time in [0, 1] as in file names: four decimals, or as many as tell it from every other number."""
    text = f"{abs(time):.4f}"  # -0.0 is 0
    return text if float(text) == time else format(Decimal(repr(time)), "f")


@dataclass(frozen=True)
class Dataset:
    """One entry of `datasets`, or one variant of a sweep over it."""

    variant: Variant
    target: bool  # asked for; the others only hold outputs that several targets share
    config: Config
    states: list[State]  # those it has
    scene_files: list[str]  # what `simulate` reads, the scene first; empty where the dataset is a folder
    # of a folder; what a scene's later stages read of it exists only once it is simulated
    state_files: dict[State, list[str]]  # what `prepare` reads for each state
    volume_files: dict[str, list[str]]  # the known volume of each end
    truth_files: list[str]  # the true object, or the measured volumes
    region_files: list[str]  # the mask of the region that is scored
    reader: str  # module of the reader that prepares it
    compared: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)  # its variants, where they are several: swept values by name

    @property
    def name(self) -> str:
        return self.variant.name

    @property
    def simulated(self) -> bool:
        return self.config.input.scene is not None

    @property
    def exposed(self) -> bool:
        """Whether another set-up than the scene's takes the sequence."""
        return self.simulated and not self.config.setup.is_empty

    @property
    def folder(self) -> str:
        """Where the dataset's own files are."""
        return self.outputs("simulate")[0] if self.simulated else str(self.config.input.folder)

    @property
    def ends(self) -> list[Direction]:
        """The states that are whole scans."""
        return [direction for direction in SCAN_TIME if direction in self.states]

    @property
    def described(self) -> list[Direction]:
        """The scans whose known volume is the description of an object, not voxels."""
        return [end for end in self.ends if (volume := self.volume(end)) is not None and volume.is_object]

    @property
    def static(self) -> bool:
        """Whether there is one scan only, hence nothing that moves."""
        return self.states == ["forward"]

    @property
    def mixes(self) -> bool:
        """Whether there are two scans, each carried along the motion."""
        return "backward" in self.states

    @property
    def calibrates(self) -> bool:
        """Whether the cameras of a sequence are measured, which takes both scans."""
        return self.mixes and "between" in self.states and self.config.calibration.between

    @property
    def refines(self) -> bool:
        """Whether scans and motion are trained together."""
        return self.mixes and self.config.refinement.steps > 0

    @property
    def trains_mixing(self) -> bool:
        return self.mixes and self.config.mixing.is_trained

    @property
    def kinds(self) -> tuple[str, ...]:
        """Volumes exported for each time, in one order however the configuration lists them: jobs that write the same are the same."""
        return tuple(kind for kind in RECONSTRUCTIONS if kind in self.config.export.kinds) if self.mixes else ("forward",)

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities that `analyse` writes for each time, in one order however the configuration lists them."""
        if self.static:
            return ()
        return tuple(name for name in ANALYSED if name in self.config.analyse.quantities and (self.mixes or name not in OF_TWO_SCANS))

    @property
    def times(self) -> dict[str, float]:
        """Exported times by their spelling in file names."""
        return {spelled(time): time for time in ([0.0] if self.static else self.config.export.times)}

    @property
    def resolutions(self) -> list[str]:
        """Control points per axis of each velocity level, coarse to fine, as in file names."""
        return [str(level.resolution) for level in self.config.velocity.levels]

    @property
    def formats(self) -> list[str]:
        """Formats of other programs in which the volumes are written too."""
        return list(self.config.export.formats)

    @property
    def joins_times(self) -> bool:
        return self.config.export.series and len(self.times) > 1

    def volume(self, end: Direction) -> VolumeFile | None:
        """The known volume of an end."""
        return self.config.input.forward_volume if end == "forward" else self.config.input.backward_volume

    def results(self) -> list[str]:
        """Paths of all that is asked for: of a target its results, of any dataset the comparison of its variants."""
        asked = [stage.name for stage in STAGES.values() if stage.is_result and (self.target or stage.of_variants)]
        return [path for name in asked for path in self.outputs(name)]

    def outputs(self, stage: str, **chosen: str) -> list[str]:
        """Paths of what a stage makes for this dataset; empty where the dataset has no such stage.

        chosen: values of wildcards, such as state="forward"; of the others every value that
        the dataset has. A path lies in the folder of the variant of a sweep that stores the output.
        """
        own = STAGES[stage]
        if not own.exists(self):
            return []
        values: dict[str, Iterable[str]] = {
            "state": self.states,
            "direction": own.directions(self),
            "resolution": self.resolutions,
            "kind": self.kinds,
            "part": PARTS,
            "quantity": self.quantities,
            "time": self.times,
            "format": self.formats,
        }
        asked = [[value for value in values[name] if value == chosen.get(name, value)] for name in own.wildcards]
        found = (dict(zip(own.wildcards, combination, strict=True)) for combination in product(*asked))
        return [f"results/{self._home(stage, wildcards)}/{own.output.format_map(wildcards)}" for wildcards in found]

    def _home(self, stage: str, wildcards: dict[str, str]) -> str:
        level = self.resolutions.index(wildcards["resolution"]) if STAGES[stage].levels else None
        return self.variant.home(stage, level, wildcards.get("state")).name
