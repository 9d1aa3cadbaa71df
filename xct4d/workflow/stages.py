"""The stages of the workflow, in one table: everything else that must know of them asks here.

Which stage a configuration key changes first, whose results a variant of a
sweep shares, where outputs, logs and checkpoints lie, what jobs are called, what
they need: all of it follows from the table. How a stage is added: docs/extending.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from xct4d.directions import SCAN_TIME, Direction
from xct4d.workflow.needs import (
    analyse,
    calibrate,
    canonical,
    check,
    compare,
    convert,
    evaluate,
    export,
    expose,
    mixing,
    prepare,
    rasterise,
    refine,
    register,
    report,
    series,
    simulate,
    trust,
    velocity,
)
from xct4d.workflow.workload import Workload


class Needs(Protocol):
    """A module of xct4d.workflow.needs."""

    def memory(self, work: Workload, /) -> float:
        """Bytes beyond the imported program."""

    def microseconds(self, work: Workload, /) -> float:
        """Time of one CPU core."""


class Facts(Protocol):
    """What decides which stages a dataset has."""

    @property
    def simulated(self) -> bool: ...
    @property
    def static(self) -> bool: ...
    @property
    def ends(self) -> list[Direction]: ...
    @property
    def described(self) -> list[Direction]: ...
    @property
    def quantities(self) -> tuple[str, ...]: ...
    @property
    def mixes(self) -> bool: ...
    @property
    def calibrates(self) -> bool: ...
    @property
    def refines(self) -> bool: ...
    @property
    def trains_mixing(self) -> bool: ...
    @property
    def joins_times(self) -> bool: ...
    @property
    def formats(self) -> list[str]: ...
    @property
    def exposed(self) -> bool: ...
    @property
    def compared(self) -> Mapping[str, object]: ...


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage: a rule, a script and a module of xct4d.stages of the same name."""

    name: str
    needs: Needs
    folder: str  # its output below results/<dataset>/, with the wildcards that tell its jobs apart
    shown_by: str | None = None  # the file by which Snakemake knows it, where it may not put its timestamp into the folder
    reads: tuple[str, ...]  # the stages whose outputs it reads
    keys: tuple[str, ...] = ()  # sections and keys of the configuration that reach this stage first
    levels: str | None = None  # "section.list": one job per item, each starts from the one before
    exists: Callable[[Facts], bool] = lambda dataset: True
    directions: Callable[[Facts], list[Direction]] = lambda dataset: dataset.ends  # values of the wildcard {direction}
    trains: bool = False  # keeps checkpoints, writes history.json and TensorBoard's files
    on_device: bool = False  # computes on the GPU where the configuration asks for one
    is_result: bool = False  # asked for by `rule all`; the others are made because these read them
    of_sequence: bool = False  # what it makes is of the sequence alone: no scan depends on it
    of_scans: bool = False  # reads no projection of the sequence
    of_variants: bool = False  # reads outputs of all variants of a sweep, for the dataset that they are variants of
    joined: tuple[str, ...] = ()  # wildcards of the output that one job covers whole

    @property
    def output(self) -> str:
        """What the rule calls its output: the folder, or a file in it."""
        return self.folder if self.shown_by is None else f"{self.folder}/{self.shown_by}"

    @property
    def wildcards(self) -> tuple[str, ...]:
        """Names of the wildcards in its output, but for the dataset."""
        return tuple(re.findall(r"{(\w+)}", self.folder))

    @property
    def job(self) -> str:
        """Pattern of a job's name, and so of its log and benchmark: velocity_{resolution}, export_t{time}."""
        parts = {"time": "t{time}"}
        return "_".join([self.name, *(parts.get(name, f"{{{name}}}") for name in self.wildcards if name not in self.joined)])


STAGES = {
    stage.name: stage
    for stage in (
        Stage(name="simulate", needs=simulate, folder="simulated", reads=(), exists=lambda dataset: dataset.simulated),
        Stage(
            name="expose", needs=expose, folder="exposed", reads=("simulate",), keys=("setup",), of_sequence=True,
            exists=lambda dataset: dataset.exposed,
        ),
        Stage(name="prepare", needs=prepare, folder="prepared/{state}", reads=("simulate", "expose"), keys=("prepare",)),
        Stage(name="check", needs=check, folder="check", reads=("prepare",), is_result=True),
        Stage(
            name="rasterise", needs=rasterise, folder="rasterised/{direction}.npz", reads=(), keys=("canonical.bake",),
            exists=lambda dataset: bool(dataset.described), directions=lambda dataset: dataset.described,
        ),
        Stage(
            name="canonical", needs=canonical, folder="canonical/{direction}", reads=("prepare", "rasterise"), keys=("canonical", "seed"),
            trains=True, on_device=True, of_scans=True,
        ),
        Stage(
            name="calibrate", needs=calibrate, folder="calibration", reads=("prepare", "canonical"), keys=("calibration",),
            exists=lambda dataset: dataset.calibrates,
        ),
        Stage(
            name="register", needs=register, folder="registration", reads=("prepare", "calibrate", "canonical"), keys=("registration",),
            exists=lambda dataset: dataset.mixes,
        ),
        Stage(
            name="velocity", needs=velocity, folder="velocity/{resolution}", reads=("prepare", "calibrate", "canonical", "register"), keys=("velocity",),
            levels="velocity.levels", exists=lambda dataset: not dataset.static, trains=True, on_device=True,
        ),
        Stage(
            name="refine", needs=refine, folder="refined/{part}", reads=("prepare", "calibrate", "canonical", "velocity"), keys=("refinement",),
            joined=("part",), exists=lambda dataset: dataset.refines, trains=True, on_device=True,
        ),
        Stage(
            name="trust", needs=trust, folder="trust", reads=("prepare", "calibrate", "canonical", "velocity", "refine"), keys=("trust", "seed"),
            exists=lambda dataset: dataset.mixes,
        ),
        Stage(
            name="mixing", needs=mixing, folder="mixing", reads=("prepare", "calibrate", "canonical", "velocity", "refine"), keys=("mixing",),
            exists=lambda dataset: dataset.trains_mixing, trains=True, on_device=True,
        ),
        Stage(
            name="export", needs=export, folder="volumes/{kind}/t{time}.zarr", shown_by="zarr.json",
            reads=("prepare", "canonical", "velocity", "refine", "mixing"), keys=("export",), joined=("kind",), on_device=True, is_result=True,
        ),
        Stage(
            name="analyse", needs=analyse, folder="motion/{quantity}/t{time}.zarr", shown_by="zarr.json",
            reads=("prepare", "canonical", "velocity", "refine", "trust", "mixing"),
            keys=("analyse",), joined=("quantity",), exists=lambda dataset: bool(dataset.quantities), on_device=True, is_result=True,
        ),
        Stage(
            name="series", needs=series, folder="series", reads=("prepare", "export", "analyse"),
            exists=lambda dataset: dataset.joins_times, is_result=True,
        ),
        Stage(
            name="convert", needs=convert, folder="converted/{format}", reads=("prepare", "export", "analyse"),
            exists=lambda dataset: bool(dataset.formats), is_result=True,
        ),
        Stage(
            name="evaluate", needs=evaluate, folder="evaluation",
            reads=("simulate", "prepare", "calibrate", "canonical", "velocity", "refine", "trust", "mixing", "export"),
            keys=("evaluate",), on_device=True, is_result=True,
        ),
        Stage(
            name="report", needs=report, folder="report",
            reads=("simulate", "prepare", "calibrate", "canonical", "velocity", "refine", "trust", "mixing", "export", "analyse", "evaluate"),
            is_result=True,
        ),
        Stage(
            name="compare", needs=compare, folder="comparison", reads=("prepare", "evaluate"), is_result=True, of_variants=True,
            exists=lambda dataset: bool(dataset.compared),
        ),
    )
}  # fmt: skip


def first_stage(key: str) -> Stage | None:
    """The first stage that a dotted key of the configuration reaches; None where none is."""
    return next((stage for stage in STAGES.values() for own in stage.keys if f"{key}.".startswith(f"{own}.")), None)


def reaches(key: str, stage: str, level: int | None = None, state: str | None = None) -> bool:
    """Whether the value of a dotted key can change the output of a stage.

    It changes the first stage that it reaches and all that read that stage's
    output, directly or not. level: for a stage with levels, the index of one;
    keys of a finer level do not change it. None: the finest. state: for a stage
    with one job for each, the state; keys of the sequence do not change a scan.
    None: any.
    """
    first = first_stage(key)
    if first is None or (first.of_sequence and (STAGES[stage].of_scans or state in SCAN_TIME)):
        return False
    if stage == first.name and level is not None and first.levels is not None and key.startswith(f"{first.levels}."):
        return int(key.removeprefix(f"{first.levels}.").split(".")[0]) <= level
    return stage == first.name or first.name in before(stage)


@cache
def before(stage: str) -> frozenset[str]:
    """Names of the stages whose outputs a stage depends on, directly or not."""
    return frozenset(name for own in STAGES[stage].reads for name in (own, *before(own)))


def job_of(output: str) -> tuple[str, str]:
    """(folder of the dataset, name of the job) of an output's path. Raises ValueError for any other path."""
    for stage in STAGES.values():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(stage.output))
        if (found := re.fullmatch(rf"((?:.+/)?results/[^/]+)/{pattern}", output)) is not None:
            return found[1], stage.job.format(**found.groupdict())
    raise ValueError(f"{output} is no stage's output")
