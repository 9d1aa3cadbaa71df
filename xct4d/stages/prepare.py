"""prepare: the projections of one state, checked, downscaled and stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from xct4d import config
from xct4d.checks.geometry import AGREE, check_focal, check_poses, check_view, note_odd_views, note_two_distances
from xct4d.checks.intensities import Brightness
from xct4d.checks.resolution import note_downscaling
from xct4d.directions import SCAN_TIME, State
from xct4d.errors import InputError
from xct4d.geometry.larger_pixels import area_average
from xct4d.geometry.masked import masked_average
from xct4d.geometry.views import Views, concatenate
from xct4d.io.atomic import atomic_folder
from xct4d.io.mask_file import MaskFile
from xct4d.io.prepared import FULL_SCALE, PIXELS, Frames, load, save_record
from xct4d.progress import say, track
from xct4d.readers.corrected import dead_pixels
from xct4d.readers.dataset import open_dataset
from xct4d.readers.reader import Acquisition, Dataset, Projection
from xct4d.readers.split import ASIDE, HELD_OUT, TRAIN, note_split, split
from xct4d.readers.thinning import thinned
from xct4d.readers.times import SAME_DURATION, Clock, clock, is_at_an_end
from xct4d.report.preview import draw_preview

ROLES = {"used for training": TRAIN, "held out": HELD_OUT, "left aside": ASIDE}
AIR_AGREES = 0.03  # relative difference of air's transmission from the flat field above which it is noted


def prepare(folder: Path, input: config.Input, settings: config.Prepare, state: State, output: Path) -> None:
    """Validate the projections of one state and store them as io.prepared reads them.

    folder: the dataset, in any format that a reader knows. output: a folder,
    written whole or not at all, with frames.json and projections.npy (and
    mask.npy, where projections have masks), the list of checks (checks.json) and a picture of some projections (preview.png).
    Projections are loaded one at a time. Raises InputError for anything in the
    dataset that later stages could not trust; nothing is written then.
    """
    folder, output = Path(folder), Path(output)
    dataset = open_dataset(folder, input)
    acquisition = dataset.acquisitions.get(state)
    if acquisition is None:
        raise InputError(f"has no {state} projections", where=folder, fix=f"name the file that describes them as input.{state}")
    ticks = clock(dataset)
    notes = [*acquisition.notes, *ticks.notes]

    times = _times(acquisition, ticks, state)
    if state == "between":
        acquisition, times = _without_ends(dataset, acquisition, times, input.split, notes)
    role = split(acquisition, input.split, tuple(dataset.acquisitions.values()), whole=state == "between")
    if state == "between":
        role = thinned(acquisition, times, role, input.sequence)
    used = [i for i in range(len(role)) if role[i] != ASIDE]
    acquisition = replace(acquisition, projections=[acquisition.projections[i] for i in used])
    times = [times[i] for i in used]
    _note_seen_views(acquisition.projections, times, role[used], notes)
    if acquisition.lists is None:
        notes += note_split(role, input.split)
    else:
        notes.append("the lists in the transforms file decide what is held out, not input.split")

    factor = downscaling(acquisition, settings)
    parts = _downscaled(acquisition.projections, factor, notes)
    hit = [
        check_view(part, v, projection.where)
        for part, projection in zip(parts, acquisition.projections, strict=True)
        for v in range(len(part))
    ]
    notes += _check_poses(dataset, acquisition, state)
    agreement = check_focal(acquisition.projections, acquisition.scanner) if acquisition.scanner else None
    unit_mm = _unit_mm(input, dataset, acquisition, notes)
    duration_s = _duration_s(input, dataset, ticks)

    with atomic_folder(output) as temporary:
        brightness = Brightness(acquisition.flat_field, strict=settings.check_intensities)
        clipped, left_out = _store(acquisition.projections, parts, factor, temporary, f"prepare {state}", brightness)
        notes += [f"masks leave out {left_out:.1%} of the pixels: they count nowhere"] if left_out else []
        levels = brightness.check(acquisition.path)
        notes += [*brightness.notes, *dead_pixels(acquisition)]
        _decide_about_outside(clipped, brightness, settings, acquisition, notes)
        _note_air(levels, acquisition.flat_field, state, notes)
        frames = _frames(acquisition, parts, times, role[used] == HELD_OUT, unit_mm, duration_s)
        save_record(frames, temporary)
        counts = {name: int((role == own).sum()) for name, own in ROLES.items()}
        checks = _checks(hit, brightness, levels, agreement)
        _write_checks(temporary / "checks.json", acquisition, state, counts, factor, frames, checks, notes)
        draw_preview(temporary / "preview.png", load(temporary), f"{folder.name}, {state}")
    summary = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    say("\n  ".join([f"prepare {state}: {summary}, downscaled by {factor}", *notes]))


def _downscaled(projections: list[Projection], factor: int, notes: list[str]) -> list[Views]:
    """The cameras of the downscaled projections; what is lost is noted."""
    full = [views_of(projection) for projection in projections]
    notes += note_downscaling(concatenate(full), factor)
    return [views.downscaled(factor) for views in full]


def _check_poses(dataset: Dataset, acquisition: Acquisition, state: State) -> list[str]:
    """Notes on poses that are odd. Raises InputError where they cannot be."""
    notes = [] if state == "between" else check_poses(acquisition.projections, acquisition.path)
    notes += note_odd_views(acquisition.projections)
    if dataset.backward is not None and state == "backward":
        notes += note_two_distances(dataset.forward.projections, dataset.backward.projections)
    return notes


def _decide_about_outside(
    part: float, brightness: Brightness, settings: config.Prepare, acquisition: Acquisition, notes: list[str]
) -> None:
    """Note the pixels outside [0, 1], which are clipped, or raise InputError, as prepare.outside says. part: their fraction of all."""
    if not part:
        return
    what = f"{part:.2%} of the pixels lie outside [0, 1]: they reach from {brightness.low:.3g} to {brightness.high:.3g}"
    if settings.outside == "refuse":
        raise InputError(what, where=acquisition.path, fix="mend the images, or set prepare.outside: clip")
    notes.append(f"{what}, and are clipped (prepare.outside)")


def _frames(
    acquisition: Acquisition,
    parts: list[Views],
    times: list[np.ndarray],
    held_out: np.ndarray,
    unit_mm: float | None,
    duration_s: float | None,
) -> Frames:
    """What frames.json holds; the pixels are on disk already."""
    return Frames(
        name=[projection.name for projection in acquisition.projections],
        held_out=held_out,
        offset=np.cumsum([0, *(int(part.size[0].prod()) for part in parts)]),
        first_view=np.cumsum([0, *map(len, parts)]),
        views=concatenate(parts),
        weight=np.concatenate([projection.weight for projection in acquisition.projections]),
        time=np.concatenate(times),
        pixels=np.empty(0, np.uint16),
        flat_field=acquisition.flat_field,
        unit_mm=unit_mm,
        duration_s=duration_s,
    )


def _times(acquisition: Acquisition, ticks: Clock, state: State) -> list[np.ndarray]:
    """Time of each view of each projection, in [0, 1]."""
    if state == "between":
        return [ticks.normalised(projection) for projection in acquisition.projections]
    return [np.full(len(projection.weight), SCAN_TIME[state]) for projection in acquisition.projections]


def _without_ends(
    dataset: Dataset, acquisition: Acquisition, times: list[np.ndarray], settings: config.Split, notes: list[str]
) -> tuple[Acquisition, list[np.ndarray]]:
    """The projections of a sequence that lie between the two scans, and those at their times that are held out by name and in no scan, and their times."""
    scanned_at = [SCAN_TIME[state] for state in SCAN_TIME if state in dataset.acquisitions]
    ends = [is_at_an_end(time, scanned_at) for time in times]
    if all(ends):
        raise InputError("has no projection between the two scans", where=acquisition.path, fix="remove the file, or check the times")
    scanned = {projection.image for state, own in dataset.acquisitions.items() if state != "between" for projection in own.projections}
    extra = [end and projection.image not in scanned for end, projection in zip(ends, acquisition.projections, strict=True)]
    held_out = np.zeros(len(ends), bool)
    if any(extra) and (acquisition.lists is not None or settings.method in ("filename", "list")):
        held_out = (split(acquisition, settings, tuple(dataset.acquisitions.values()), whole=True) == HELD_OUT) & extra
    kept = [i for i in range(len(ends)) if held_out[i] or not ends[i]]
    if left := sum(ends) - sum(extra):
        notes.append(f"{left} projections of the ends left to their own scans")
    if held_out.any():
        notes.append(f"{held_out.sum()} held-out projections at t = 0 or 1, of no scan, count to the sequence")
    if unused := sum(extra) - held_out.sum():
        notes.append(f"not used: {unused} projections of the sequence at t = 0 or 1, which no scan lists")
    return replace(acquisition, projections=[acquisition.projections[i] for i in kept]), [times[i] for i in kept]


def _note_seen_views(projections: list[Projection], times: list[np.ndarray], role: np.ndarray, notes: list[str]) -> None:
    """Note held-out projections with the camera and time of one that is trained on: their score says how well that one is fitted, no more."""

    def view(i: int) -> tuple:
        numbers = (projections[i].camera_to_world.ravel(), projections[i].focal, projections[i].centre, times[i])
        return tuple(np.round(np.concatenate(numbers), 6).tolist())

    trained = {view(i) for i in np.flatnonzero(role == TRAIN).tolist()}
    seen = [projections[i].name for i in np.flatnonzero(role == HELD_OUT).tolist() if view(i) in trained]
    if seen:
        names = seen[0] if len(seen) == 1 else f"{seen[0]} and {len(seen) - 1} more"
        notes.append(
            f"held out, but with the camera and time of a projection that is trained on: {names}; the score says nothing about unseen views"
        )


def downscaling(acquisition: Acquisition, settings: config.Prepare) -> int:
    """Whole factor of the downscaling, the same for all projections of the state. Raises InputError for one that leaves no pixel."""
    sizes = [projection.size for projection in acquisition.projections]
    if settings.downscale is not None:
        smallest = min(min(size) for size in sizes)
        if settings.downscale > smallest:
            raise InputError(
                f"{settings.downscale} is larger than the {smallest} pixels of an image", where="prepare.downscale", fix="choose less"
            )
        return settings.downscale
    if settings.target_size is None:
        return 1
    longest = max(max(size) for size in sizes)
    shortest = min(min(size) for size in sizes)
    return max(1, min(longest // settings.target_size, shortest))


def views_of(projection: Projection) -> Views:
    """A projection's cameras, in full-resolution pixels."""
    count = len(projection.camera_to_world)
    intrinsics = (np.tile(np.array(values), (count, 1)) for values in (projection.focal, projection.centre, projection.size))
    return Views(projection.camera_to_world, *intrinsics)


def _unit_mm(input: config.Input, dataset: Dataset, acquisition: Acquisition, notes: list[str]) -> float | None:
    """mm per world unit: as the configuration says, else the dataset, else the scanner's record; None where none does."""
    own, scanner = _agreed(dataset, "unit_mm"), acquisition.scanner
    given = input.unit_mm or own
    if input.unit_mm is not None and own is not None and abs(input.unit_mm / own - 1) > AGREE:
        notes.append(f"unit_mm {input.unit_mm:g} of the configuration is used, though the files say {own:g}")
    if scanner is None:
        return given
    measured = scanner.measured_unit_mm(acquisition.projections)
    if given is not None and abs(given / measured - 1) > AGREE:
        notes.append(f"unit_mm {given:g} is used, though the source distance and {scanner.path.name} give {measured:g}")
    if abs(measured / scanner.unit_mm - 1) > AGREE:
        notes.append(f"a world unit is {measured:.5g} mm by the source distance, half the scanner's volume {scanner.unit_mm:.5g} mm")
    return measured if given is None else given


def _duration_s(input: config.Input, dataset: Dataset, ticks: Clock) -> float | None:
    """Seconds from t = 0 to t = 1: as the configuration, the files, or their times have it, which may not contradict each other."""
    own, given = _agreed(dataset, "duration_s"), input.duration_s
    if given is not None and own is not None and abs(given / own - 1) > SAME_DURATION:
        what = f"is {given:g} s, but {own:g} s in the files ({dataset.forward.path.name})"
        raise InputError(what, where="input.duration_s", fix="make them agree, or remove one")
    if given is not None:
        return ticks.duration(given, "input.duration_s")
    return ticks.duration(own, f"{dataset.forward.path.parent}: duration_s")


def _agreed(dataset: Dataset, key: Literal["unit_mm", "duration_s"]) -> float | None:
    """The value that the acquisitions give, which must be one."""
    given = {one.path: value for one in dataset.acquisitions.values() if (value := getattr(one, key)) is not None}
    for path, value in given.items():
        first, agreed = next(iter(given.items()))
        if value != agreed:
            raise InputError(f"is {value:g}, but {agreed:g} in {first.name}", where=f"{path}: {key}", fix="make them agree")
    return next(iter(given.values()), None)


def _store(
    projections: list[Projection], parts: list[Views], factor: int, folder: Path, title: str, brightness: Brightness
) -> tuple[float, float]:
    """Load, check and downscale one projection after the other, and append pixels and mask to the files in `folder`.

    Returns the fractions of pixels outside [0, 1], which are clipped, and of those that masks leave out.
    """
    total = sum(int(part.size[0].prod()) for part in parts)
    outside = 0
    # a plain file, not a memory map: on a full disk a map dies by SIGBUS, a write says so
    with open(folder / PIXELS, "wb") as file, MaskFile(folder, total) as masks, track(title, len(projections)) as progress:
        np.lib.format.write_array_header_2_0(file, {"descr": "<u2", "fortran_order": False, "shape": (total,)})
        for projection, part in zip(projections, parts, strict=True):
            image, mask = _downscaled_pixels(projection, factor)
            brightness.add(image, part, 0, projection.where, mask)
            outside += int(((image < 0) | (image > 1)).sum())
            _append(file, image)
            masks.add(mask, image.size)
            progress.advance()
    return outside / total, masks.left_out


def _downscaled_pixels(projection: Projection, factor: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Transmission [h, w], and which of its pixels count; None where all do. Raises InputError where none does."""
    mask = projection.mask()
    if mask is None:
        return area_average(projection.load(), factor), None
    image, counts = masked_average(projection.load(), mask, factor)
    if not counts.any():
        what = f"leaves nowhere half of {factor} x {factor} pixels, over which images are averaged"
        raise InputError(what, where=f"{projection.where}.mask_path", fix="lower prepare.downscale, or raise prepare.target_size")
    return image, counts


def _append(file: BinaryIO, image: np.ndarray) -> None:
    file.write(np.rint(np.clip(image, 0, 1) * FULL_SCALE).astype("<u2").tobytes())


def _note_air(levels: dict[str, float | None], flat_field: float, state: State, notes: list[str]) -> None:
    place = "beside the box" if levels["beside the box"] is not None else "plateau"
    air = levels[place]
    if air is not None and abs(air / flat_field - 1) > AIR_AGREES:
        key = "velocity.flat_field.train" if state == "between" else "canonical.flat_field.train"
        seen = "" if place == "beside the box" else " (the plateau of the bright rays)"
        notes.append(f"air has transmission {air:.3g}{seen}, flat_field says {flat_field:.3g}; {key}: true fits it")


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
    path: Path,
    acquisition: Acquisition,
    state: State,
    counts: dict[str, int],
    factor: int,
    frames: Frames,
    checks: dict[str, str],
    notes: list[str],
) -> None:
    record = {
        "transforms": acquisition.path.name, "state": state, "projections": counts, "views": len(frames.views),
        "downscale": factor, "size": sorted({frames.size(f) for f in range(len(frames))}),
        "unit_mm": frames.unit_mm, "duration_s": frames.duration_s, "flat_field": frames.flat_field, "checks": checks, "notes": notes,
    }  # fmt: skip
    path.write_text(json.dumps(record, indent=2) + "\n")
