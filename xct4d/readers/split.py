"""Which projections are trained on, which are held out, and which are left aside."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from xct4d.config import Split
from xct4d.errors import InputError
from xct4d.readers.reader import Acquisition, Projection

TRAIN, HELD_OUT, ASIDE = 0, 1, 2

_KEY = "input.split"
_WORD = re.compile(r"(?<![A-Za-z])(?:(train)_?(\d+)?|eval)")  # not the end of another word: strain05_eval_00


def split(acquisition: Acquisition, settings: Split, others: Sequence[Acquisition] = (), *, whole: bool = False) -> np.ndarray:
    """TRAIN, HELD_OUT or ASIDE for each projection of an acquisition: [F] int.

    Lists in the files themselves (train_filenames, val_filenames,
    test_filenames) go before the configuration. others: the acquisitions of the
    dataset's other states, whose projections the lists may name as well. whole:
    the acquisition is a sequence; the numbers that thin a scan leave none of it
    aside, as it would lose its few cameras (readers.thinning). Raises InputError where the names do not tell, a
    listed name does not exist, or nothing is left to train on.
    """
    _refuse_unused(settings)
    if acquisition.lists is not None:
        role = _by_lists(acquisition, others)
    elif settings.method == "filename":
        role = _by_name(acquisition, Split() if whole else settings)
    elif settings.method == "list":
        role = _by_held_out(acquisition, settings, others)
    else:
        held_out = _of_a_sequence(acquisition, settings) if whole else _of_a_scan(len(acquisition.projections), settings)
        role = np.where(held_out, HELD_OUT, TRAIN)
    if not (role == TRAIN).any():
        raise InputError(f"leaves no projection of {acquisition.path} to train on", where=_KEY, fix="choose another method or other limits")
    return role


def note_split(role: np.ndarray, settings: Split) -> list[str]:
    """A note where a method could not hold out as much as it is told to. role: of split."""
    held_out, count = int((role == HELD_OUT).sum()), len(role)
    if settings.method == "interval" and held_out == 0:
        return [f"input.split holds nothing out: there are too few for every {settings.held_out_every}th"]
    wanted = count - round(settings.trained_fraction * count)
    if settings.method == "fraction" and held_out < wanted:
        return [f"input.split holds out {held_out}, not {wanted}: one projection of each time stays in training"]
    if settings.method == "fraction" and held_out == 0 and settings.trained_fraction < 1:
        return [f"input.split holds nothing out: {1 - settings.trained_fraction:.2g} of {count} is less than a half"]
    return []


def _of_a_scan(count: int, settings: Split) -> np.ndarray:
    """[count] bool: the projections that methods none, interval and fraction hold out of a scan."""
    if settings.method == "none":
        return np.zeros(count, bool)
    if settings.method == "interval":
        return (np.arange(count) + 1) % settings.held_out_every == 0
    return _evenly_chosen(count - round(settings.trained_fraction * count), count)


def _of_a_sequence(acquisition: Acquisition, settings: Split) -> np.ndarray:
    """[F] bool: the projections that they hold out of a sequence.

    Its time points are divided into blocks, and of each block one projection is
    held out, of the camera that was held out least so far: counting projections
    through could take one camera away at every time.
    """
    count = len(acquisition.projections)
    held_out, of_camera = np.zeros(count, bool), Counter()
    cameras = [_camera(projection) for projection in acquisition.projections]
    points: dict[float, list[int]] = defaultdict(list)
    for i in np.argsort([projection.time.mean() for projection in acquisition.projections], kind="stable"):
        points[float(acquisition.projections[i].time.mean())].append(int(i))
    for block in _blocks([*points.values()], count, settings):
        choice = [i for point in reversed(block) for i in point if not held_out[i]]
        chosen = min(choice, key=lambda i: of_camera[cameras[i]])
        held_out[chosen] = True
        of_camera[cameras[chosen]] += 1
    return held_out


def _blocks(points: list[list[int]], count: int, settings: Split) -> list[list[list[int]]]:
    """Consecutive time points from which one projection each is held out; each time point stands in at most as many blocks as may be taken of it."""
    if settings.method == "none":
        return []
    if settings.method == "interval":
        every = settings.held_out_every
        return [points[i : i + every] for i in range(0, len(points) - every + 1, every)]
    wanted, blocks = count - round(settings.trained_fraction * count), []
    for taken in range(max(map(len, points))):
        left = [point for point in points if len(point) > taken + (taken > 0)]  # of a time point with several cameras one is trained on
        parts = min(wanted - len(blocks), len(left))
        if parts <= 0:
            break
        blocks += [[left[i] for i in part] for part in np.array_split(np.arange(len(left)), parts)]
    return blocks


def _camera(projection: Projection) -> tuple:
    return tuple(np.round([*projection.camera_to_world.ravel(), *projection.focal, *projection.centre], 6).tolist())


def _evenly_chosen(chosen: int, count: int) -> np.ndarray:
    """[count] bool with `chosen` of them true, each in the middle of an equal part: of a scan whose end is held out, a wedge of views is missing."""
    mask = np.zeros(count, bool)
    mask[((np.arange(chosen) + 0.5) * count / max(chosen, 1)).astype(int)] = True
    return mask


def _refuse_unused(settings: Split) -> None:
    """Raises InputError for a key that the method does not use: it would be ignored silently."""
    filters = {"imin": 0, "imax": None, "istep": 1, "indices": None}
    if settings.method != "filename":
        for key, unset in filters.items():
            if getattr(settings, key) != unset:
                raise InputError(
                    f"belongs to method filename, not {settings.method}", where=f"{_KEY}.{key}", fix="remove it or change the method"
                )
    elif settings.indices is not None and any(getattr(settings, key) != filters[key] for key in ("imin", "imax", "istep")):
        raise InputError("excludes imin, imax and istep", where=f"{_KEY}.indices", fix="give one or the other")
    for key, method in (("held_out", "list"), ("interval", "interval"), ("fraction", "fraction")):
        if getattr(settings, key) and settings.method != method:
            raise InputError(
                f"belongs to method {method}, not {settings.method}", where=f"{_KEY}.{key}", fix=f"set {_KEY}.method: {method}"
            )
    if settings.method == "list" and not settings.held_out:
        raise InputError("names nothing to hold out", where=f"{_KEY}.held_out", fix=f"list file names, or set {_KEY}.method: none")


def train_number(projection: Projection) -> int | None:
    """The number behind `train` in a projection's name; None where there is none."""
    numbers = [word[2] for word in _WORD.finditer(PurePosixPath(projection.name).stem) if word[1]]
    return int(numbers[0]) if numbers and numbers[0] is not None else None


def _by_name(acquisition: Acquisition, settings: Split) -> np.ndarray:
    filtered = settings.imin > 0 or settings.imax is not None or settings.istep > 1 or settings.indices is not None
    role = []
    for projection in acquisition.projections:
        words = list(_WORD.finditer(PurePosixPath(projection.name).stem))
        trained = [word for word in words if word[1]]
        if not words or 0 < len(trained) < len(words):
            found = "neither train nor eval" if not words else "both train and eval"
            fix = f"rename the file, or set {_KEY}.method to interval, fraction, list or none"
            raise InputError(f"the name has {found} in it", where=projection.where, fix=fix)
        if not trained:
            role.append(HELD_OUT)
        elif not filtered:
            role.append(TRAIN)
        elif (number := train_number(projection)) is None:
            raise InputError("has no number behind train for imin, imax, istep or indices to select", where=projection.where)
        else:
            role.append(TRAIN if _selected(number, settings) else ASIDE)
    return np.array(role)


def _selected(number: int, settings: Split) -> bool:
    if settings.indices is not None:
        return number in settings.indices
    return settings.imin <= number and (settings.imax is None or number <= settings.imax) and (number - settings.imin) % settings.istep == 0


def _by_lists(acquisition: Acquisition, others: Sequence[Acquisition]) -> np.ndarray:
    names = {projection.name: i for i, projection in enumerate(acquisition.projections)}
    known = {projection.name for one in (acquisition, *others) for projection in one.projections}
    role = np.full(len(names), ASIDE)
    for key, listed in acquisition.lists.items():
        for name in listed:
            if name in known and name not in names:
                continue
            if name not in names:
                raise InputError(f"{name} is not among the frames", where=f"{acquisition.path}: {key}")
            wanted = TRAIN if key == "train_filenames" else HELD_OUT
            if role[names[name]] not in (ASIDE, wanted):
                raise InputError(
                    f"{name} is in train_filenames, too", where=f"{acquisition.path}: {key}", fix="remove it from one of the lists"
                )
            role[names[name]] = wanted
    return role


def _by_held_out(acquisition: Acquisition, settings: Split, others: Sequence[Acquisition]) -> np.ndarray:
    everything = [projection.name for one in (acquisition, *others) for projection in one.projections]
    for wanted in settings.held_out:
        if not any(_is(name, wanted) for name in everything):
            raise InputError(f"{wanted} is not among the frames", where=f"{_KEY}.held_out", fix=f"names are those in {acquisition.path}")
    held_out = [any(_is(projection.name, wanted) for wanted in settings.held_out) for projection in acquisition.projections]
    return np.where(held_out, HELD_OUT, TRAIN)


def _is(name: str, wanted: str) -> bool:
    """A projection is named by its path in the transforms file, or by its file name alone."""
    return wanted in (name, PurePosixPath(name).name)
