"""Check a dataset and store its projections downscaled, one state at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from xct4d import config
from xct4d.errors import InputError
from xct4d.geometry.views import Views, concatenate
from xct4d.io import nikon
from xct4d.io.atomic import atomic_folder
from xct4d.io.cameras import Dataset, Projection, read
from xct4d.io.images import area_average, read_image
from xct4d.io.plausibility import Brightness, check_view
from xct4d.io.prepared import FULL_SCALE, Frames, load, save_record
from xct4d.io.split import ASIDE, HELD_OUT, TRAIN, split
from xct4d.io.times import Clock, clock, is_at_an_end
from xct4d.io.transforms import discover
from xct4d.progress import say, track

State = Literal["forward", "backward", "between"]
SHOWN = 12  # projections in the preview


def prepare(folder: Path, input: config.Input, settings: config.Prepare, state: State, output: Path) -> None:
    """Validate the projections of one state and store them as io.prepared reads them.

    folder: the dataset. output: a folder, written whole or not at all, with
    frames.json and projections.npy, the list of checks (checks.json) and a
    picture of some projections (preview.png). Images are read one at a time.
    Raises InputError for anything in the dataset that later stages could not
    trust; nothing is written then.
    """
    folder, output = Path(folder), Path(output)
    sources = discover(folder, input)
    path = getattr(sources, state)
    if path is None:
        raise InputError(f"has no {state} projections", where=folder, fix=f"name their transforms file as input.{state}")
    everything = {name: read(file) for name, file in zip(sources._fields, sources, strict=True) if file is not None}
    dataset, ticks = everything[state], clock(everything["forward"], everything.get("backward"))
    notes = list(dataset.notes)

    times = _times(dataset, ticks, state)
    if state == "between":
        dataset, times = _without_ends(dataset, times, notes)
    role = split(dataset, input.split, tuple(everything.values()), whole=state == "between")
    used = [i for i in range(len(role)) if role[i] != ASIDE]
    dataset = replace(dataset, projections=[dataset.projections[i] for i in used])
    _note_seen_views(dataset.projections, [times[i] for i in used], role[used], notes)
    if dataset.lists is not None:
        notes.append("the lists in the transforms file decide what is held out, not input.split")

    factor = _factor(dataset, settings)
    parts = [_views(projection).downscaled(factor) for projection in dataset.projections]
    hit = [check_view(part, v, projection.where) for part, projection in zip(parts, dataset.projections, strict=True) for v in range(len(part))]
    scanner = nikon.beside(dataset, notes)
    agreement = nikon.check_focal(dataset, scanner) if scanner else None
    unit_mm = _unit_mm(input, everything, dataset, scanner, notes)

    with atomic_folder(output) as temporary:
        brightness = Brightness(dataset.flat_field, strict=settings.check_intensities)
        _store(dataset.projections, parts, factor, temporary / "projections.npy", f"prepare {state}", brightness)
        levels = brightness.check(path)
        notes += brightness.notes
        _note_air(levels["beside the box"], dataset.flat_field, state, notes)
        frames = Frames(
            name=[projection.name for projection in dataset.projections],
            held_out=role[used] == HELD_OUT,
            offset=np.cumsum([0, *(int(part.size[0].prod()) for part in parts)]),
            first_view=np.cumsum([0, *map(len, parts)]),
            views=concatenate(parts),
            weight=np.concatenate([projection.weight for projection in dataset.projections]),
            time=np.concatenate([times[i] for i in used]),
            pixels=np.empty(0, np.uint16),  # on disk already
            flat_field=dataset.flat_field,
            unit_mm=unit_mm,
            duration_s=input.duration_s or _agreed(everything, "duration_s") or ticks.duration(),
        )
        save_record(frames, temporary)
        counts = {"used for training": int((role == TRAIN).sum()), "held out": int((role == HELD_OUT).sum()), "left aside": int((role == ASIDE).sum())}
        checks = _checks(hit, brightness, levels, agreement)
        _write_checks(temporary / "checks.json", dataset, state, counts, factor, frames, checks, notes)
        _preview(load(temporary), f"{folder.name}, {state}", temporary / "preview.png")
    summary = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    say("\n  ".join([f"prepare {state}: {summary}, downscaled by {factor}", *notes]))


def _times(dataset: Dataset, ticks: Clock, state: State) -> list[np.ndarray]:
    """Time of each view of each projection, in [0, 1]."""
    if state == "between":
        return [ticks.normalised(projection) for projection in dataset.projections]
    end = 0.0 if state == "forward" else 1.0
    return [np.full(len(projection.weight), end) for projection in dataset.projections]


def _without_ends(dataset: Dataset, times: list[np.ndarray], notes: list[str]) -> tuple[Dataset, list[np.ndarray]]:
    kept = [i for i in range(len(times)) if not is_at_an_end(times[i])]
    if not kept:
        raise InputError("has no projection between the two scans", where=dataset.path, fix="remove the file, or check the times")
    if len(kept) < len(times):
        notes.append(f"{len(times) - len(kept)} projections of the ends left to their own scans")
    return replace(dataset, projections=[dataset.projections[i] for i in kept]), [times[i] for i in kept]


def _note_seen_views(projections: list[Projection], times: list[np.ndarray], role: np.ndarray, notes: list[str]) -> None:
    """Held out, but with the camera and the time of a trained one, a projection scores only how well that one is fitted."""

    def view(i: int) -> tuple:
        numbers = (projections[i].camera_to_world.ravel(), projections[i].focal, projections[i].centre, times[i])
        return tuple(np.round(np.concatenate(numbers), 6).tolist())

    trained = {view(i) for i in np.flatnonzero(role == TRAIN)}
    seen = [projections[i].name for i in np.flatnonzero(role == HELD_OUT) if view(i) in trained]
    if seen:
        names = seen[0] if len(seen) == 1 else f"{seen[0]} and {len(seen) - 1} more"
        notes.append(f"held out, but with the camera and time of a projection that is trained on: {names}; the score says nothing about unseen views")


def _factor(dataset: Dataset, settings: config.Prepare) -> int:
    """Whole factor of the downscaling, the same for all projections of the state."""
    sizes = [projection.size for projection in dataset.projections]
    if settings.downscale is not None:
        smallest = min(min(size) for size in sizes)
        if settings.downscale > smallest:
            raise InputError(f"{settings.downscale} is larger than the {smallest} pixels of an image", where="prepare.downscale", fix="choose less")
        return settings.downscale
    if settings.target_size is None:
        return 1
    longest = max(max(size) for size in sizes)
    return max(1, min(longest // settings.target_size, min(min(size) for size in sizes)))


def _views(projection: Projection) -> Views:
    """A projection's cameras, in full-resolution pixels."""
    count = len(projection.camera_to_world)
    intrinsics = (np.tile(np.array(values), (count, 1)) for values in (projection.focal, projection.centre, projection.size))
    return Views(projection.camera_to_world, *intrinsics)


def _unit_mm(input: config.Input, everything: dict[str, Dataset], dataset: Dataset, scanner: nikon.Xtekct | None, notes: list[str]) -> float | None:
    """mm per world unit: the configuration's, else the transforms file's, else the scanner's."""
    given = input.unit_mm or _agreed(everything, "unit_mm")
    if scanner is None:
        return given
    measured = nikon.unit_mm(dataset, scanner)
    if given is not None and abs(given / measured - 1) > nikon.AGREE:
        notes.append(f"unit_mm {given:g} is used, though the source distance and {scanner.path.name} give {measured:g}")
    if abs(measured / scanner.unit_mm - 1) > nikon.AGREE:
        notes.append(f"a world unit is {measured:.5g} mm by the source distance, half the scanner's volume {scanner.unit_mm:.5g} mm")
    return measured if given is None else given


def _agreed(everything: dict[str, Dataset], key: Literal["unit_mm", "duration_s"]) -> float | None:
    """The value that the transforms files give, which must be one."""
    given = {dataset.path: value for dataset in everything.values() if (value := getattr(dataset, key)) is not None}
    for path, value in given.items():
        first, agreed = next(iter(given.items()))
        if value != agreed:
            raise InputError(f"is {value:g}, but {agreed:g} in {first.name}", where=f"{path}: {key}", fix="make them agree")
    return next(iter(given.values()), None)


def _store(projections: list[Projection], parts: list[Views], factor: int, path: Path, title: str, brightness: Brightness) -> None:
    """Read, check, downscale and append one image after the other to an .npy file."""
    total = sum(int(part.size[0].prod()) for part in parts)
    # a plain file, not a memory map: on a full disk a map dies by SIGBUS, a write says so
    with open(path, "wb") as file, track(title, len(projections)) as progress:
        np.lib.format.write_array_header_2_0(file, {"descr": "<u2", "fortran_order": False, "shape": (total,)})
        for projection, part in zip(projections, parts, strict=True):
            image = area_average(read_image(projection.path, projection.size, projection.where), factor)
            brightness.add(image, part, 0, projection.where)
            _append(file, image)
            progress.advance()


def _append(file: BinaryIO, image: np.ndarray) -> None:
    file.write(np.rint(image * FULL_SCALE).astype("<u2").tobytes())


def _note_air(air: float | None, flat_field: float, state: State, notes: list[str]) -> None:
    if air is not None and abs(air / flat_field - 1) > 0.05:
        key = "velocity.flat_field.train" if state == "between" else "canonical.flat_field.train"
        notes.append(f"air has transmission {air:.3g}, flat_field says {flat_field:.3g}; {key}: true fits it")


def _checks(hit: list[float], brightness: Brightness, levels: dict[str, float | None], agreement: str | None) -> dict[str, str]:
    shown = ", ".join(f"{place} {level:.3f}" for place, level in levels.items() if level is not None)
    checks = {
        "files": "every image exists, can be read, and has the size of its intrinsics",
        "poses": "every matrix is a rigid motion; focal lengths and weights are positive",
        "times": "every time lies in [0, 1] after normalisation",
        "rays": f"every camera sees the box; {min(hit):.0%} to {max(hit):.0%} of its rays hit it",
        "intensities": f"transmission from {brightness.low:.4f} to {brightness.high:.4f}; levels: {shown}",
    }
    return checks | ({"scanner": agreement} if agreement else {})


def _write_checks(
    path: Path, dataset: Dataset, state: State, counts: dict[str, int], factor: int, frames: Frames, checks: dict[str, str], notes: list[str]
) -> None:
    record = {
        "transforms": dataset.path.name, "state": state, "projections": counts, "views": len(frames.views),
        "downscale": factor, "size": sorted({frames.size(f) for f in range(len(frames))}),
        "unit_mm": frames.unit_mm, "duration_s": frames.duration_s, "flat_field": frames.flat_field, "checks": checks, "notes": notes,
    }  # fmt: skip
    path.write_text(json.dumps(record, indent=2) + "\n")


def _preview(frames: Frames, title: str, path: Path) -> None:
    """Some projections, evenly spread, grey from transmission 0 to 1."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, SHOWN).round().astype(int))
    columns = min(4, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = Figure(figsize=(2.4 * columns, 2.7 * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    time = frames.frame_time()
    for axis in axes[len(chosen) :]:
        axis.set_axis_off()
    for axis, f in zip(axes, chosen, strict=False):
        axis.set(xticks=[], yticks=[])
        shown = axis.imshow(frames.image(f), cmap="gray", vmin=0, vmax=1)
        axis.set_title(f"{frames.name[f]}\nt = {time[f]:.3g}" + (", held out" if frames.held_out[f] else ""), fontsize=7)
    figure.colorbar(shown, ax=axes.tolist(), shrink=0.5, label="transmission")
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=110)
