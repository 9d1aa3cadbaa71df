"""`xct4d check CONFIG`: whether the data that a configuration names can be read and trusted, without Snakemake.

Files, geometry and times of every projection are checked, intensities on some;
then the doctor asks whether the images of a scan contradict its cameras.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xct4d.checks.geometry import check_focal, check_poses, check_view
from xct4d.checks.intensities import Brightness
from xct4d.checks.resolution import note_downscaling
from xct4d.commands.found import geometry, times, views
from xct4d.config import Config
from xct4d.directions import SCAN_TIME, State
from xct4d.doctor.alignment import alignment_of
from xct4d.doctor.diagnose import diagnose
from xct4d.doctor.diagnosis import Diagnosis, sections
from xct4d.doctor.ends import ends_of, parts_of
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.picture import draw
from xct4d.doctor.sample import Sample
from xct4d.doctor.sequence_turn import turn_of
from xct4d.errors import InputError
from xct4d.geometry.views import Views, concatenate
from xct4d.io.mapping_files import read_mapping
from xct4d.readers.corrected import dead_pixels
from xct4d.readers.dataset import open_dataset
from xct4d.readers.medians import without_zingers
from xct4d.readers.reader import Acquisition, Dataset, Projection
from xct4d.readers.registry import reader_of
from xct4d.readers.split import HELD_OUT, TRAIN, split
from xct4d.readers.times import clock
from xct4d.selection import evenly_spaced
from xct4d.stages.prepare import AIR_AGREES, downscaling, views_of
from xct4d.workflow.plan import plan

LOOKED_AT = 12  # projections of a state whose pixels are read
STANDS_OUT = 0.3  # of transmission: a pixel that does so alone is told
SCENES = Path(__file__).resolve().parents[2] / "config" / "scenes"


@dataclass(frozen=True)
class Checked:
    """What was found about one dataset of a configuration."""

    name: str
    lines: list[str]
    error: InputError | None = None  # what must be mended; None where nothing


def check(configuration: str | Path, pictures: str | Path | None = None) -> list[Checked]:
    """Check every dataset of a configuration file. Raises InputError where the configuration itself is wrong.

    Paths in it start from the working directory, as they do for the workflow.
    pictures: a folder, made where it is missing, for a picture of each scan's
    geometry; None: none is drawn.
    """
    configuration = Path(configuration)
    planned = plan(read_mapping(configuration), scenes=SCENES, source=str(configuration))
    folder = None if pictures is None else Path(pictures)
    return [_dataset(dataset.name, dataset.config, folder) for dataset in planned.values() if dataset.target]


def _dataset(name: str, config: Config, pictures: Path | None) -> Checked:
    if config.input.folder is None:
        return Checked(name, [f"{config.input.scene}: a scene, which is simulated: nothing to check"])
    lines: list[str] = []
    try:
        folder = Path(config.input.folder)
        lines.append(f"{folder}: {reader_of(folder, config.input).name}")
        dataset = open_dataset(folder, config.input)
        lines += clock(dataset).notes
        errors: list[InputError] = []
        scans: dict[State, Evidence] = {}
        found: dict[State, Diagnosis] = {}
        for state, acquisition in dataset.acquisitions.items():
            lines += [f"{state}: {line}" for line in _acquisition(state, acquisition, dataset, config, errors)]
            if state in SCAN_TIME:
                found[state], scans[state] = diagnose(_sample(acquisition), config.input.geometry_of(state))
        for state, section in sections(found).items():
            lines += [f"{state}: {line}" for line in found[state].lines(section)]
            if pictures is not None:
                lines.append(f"{state}: picture {_drawn(pictures, name, state, found[state], scans[state])}")
        parts = _parts(dataset)
        if (ends := ends_of(parts, scans)) is not None and ends.exchanged:
            lines.append(ends.line())
        if (lying := alignment_of(scans, found)) is not None:
            lines += [f"backward: {line}" for line in lying.lines(config.input.geometry_of("backward"), found["backward"])]
        if (turn := turn_of(parts, scans, found)) is not None:
            lines += [f"between: {line}" for line in turn.lines(config.input.geometry_of("between"))]
    except InputError as error:
        return Checked(name, lines, error)
    return Checked(name, lines, errors[0] if errors else None)


def _sample(acquisition: Acquisition) -> Sample:
    projections = acquisition.projections
    return Sample.of(lambda i: projections[i].filled(), [_camera(projection) for projection in projections], acquisition.flat_field)


def _camera(projection: Projection) -> Views:
    """Its view with the largest weight."""
    return views_of(projection)[[int(projection.weight.argmax())]]


def _drawn(pictures: Path, name: str, state: State, found: Diagnosis, evidence: Evidence) -> Path:
    path = pictures / f"{name}_{state}.png"
    try:
        pictures.mkdir(parents=True, exist_ok=True)
        draw(path, found, evidence, f"{name}, {state} scan")
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", where=path, fix="run the command where you may write") from None
    return path


def _parts(dataset: Dataset) -> tuple[Evidence, Evidence] | None:
    between = dataset.acquisitions.get("between")
    if between is None:
        return None
    ticks, projections = clock(dataset), between.projections
    times = np.array([float(ticks.normalised(projection).mean()) for projection in projections])
    return parts_of(lambda i: projections[i].filled(), [_camera(one) for one in projections], times, between.flat_field)


def _acquisition(state: State, acquisition: Acquisition, dataset: Dataset, config: Config, errors: list[InputError]) -> list[str]:
    """Lines about one state. What must be mended but lets the doctor look goes to `errors`; anything else raises InputError."""
    role = split(acquisition, config.input.split, tuple(dataset.acquisitions.values()), whole=state == "between")
    lines = [
        f"{acquisition.path.name}: {views(acquisition)}", *geometry(acquisition), *times(acquisition),
        f"{(role == TRAIN).sum()} views are trained on, {(role == HELD_OUT).sum()} held out",
    ]  # fmt: skip
    hit = [check_view(views_of(one), v, one.where) for one in acquisition.projections for v in range(len(one.weight))]
    lines.append(f"every camera sees the box; {min(hit):.0%} to {max(hit):.0%} of its rays hit it")
    every = concatenate([views_of(one) for one in acquisition.projections])
    lines += note_downscaling(every, downscaling(acquisition, config.prepare), config.canonical.bake)
    if state != "between":
        check_poses(acquisition.projections, acquisition.path)
    if (scanner := acquisition.scanner) is not None:
        lines += _or_error(lambda: [check_focal(acquisition.projections, scanner)], errors)
    lines += _or_error(lambda: _intensities(acquisition, config), errors)
    return [*lines, *(f"note: {note}" for note in acquisition.notes)]


def _or_error(lines: Callable[[], list[str]], errors: list[InputError]) -> list[str]:
    try:
        return lines()
    except InputError as error:
        errors.append(error)
        return [f"error: {error}"]


def _intensities(acquisition: Acquisition, config: Config) -> list[str]:
    chosen = [acquisition.projections[i] for i in evenly_spaced(len(acquisition.projections), LOOKED_AT)]
    some = replace(acquisition, projections=chosen)
    brightness = Brightness(some.flat_field, strict=config.prepare.check_intensities)
    zingers = 0
    for projection in some.projections:
        image, mask = projection.filled(), projection.mask()
        brightness.add(image, views_of(projection), 0, projection.where, mask)
        zingers += without_zingers(image, STANDS_OUT)[1]
    levels = brightness.check(some.path)
    shown = ", ".join(f"{place} {level:.3f}" for place, level in levels.items() if level is not None)
    lines = [f"intensities of {len(chosen)} views: transmission from {brightness.low:.4g} to {brightness.high:.4g}; levels: {shown}"]
    air = levels["plateau"] if levels["beside the box"] is None else levels["beside the box"]
    if air is not None and abs(air / some.flat_field - 1) > AIR_AGREES:
        lines.append(f"air has transmission {air:.3g} where {some.flat_field:.3g} is expected")
    if zingers:
        what = f"{zingers} single pixels in {len(chosen)} views stand out by more than {STANDS_OUT:g} of transmission"
        lines.append(f"{what}: input.intensities.zingers: {STANDS_OUT:g} replaces them by their neighbours' median")
    return [*lines, *brightness.notes, *dead_pixels(some)]
