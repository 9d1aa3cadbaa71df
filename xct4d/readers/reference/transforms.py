"""Transforms files: which of a folder's files holds which state, and their JSON.

Opens no image and imports no numpy: the Snakefile lists a dataset's images with it.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from xct4d.config import Input
from xct4d.directions import State
from xct4d.errors import InputError
from xct4d.io.mapping_files import parse_json
from xct4d.io.paths import refuse_special, safe_path

MOST_FRAMES = 100_000  # of a file; a long scan has some thousand
_SCAN = re.compile(r"transforms_(\d+)\.json")
_SEQUENCE = re.compile(r"transforms_(\d+)_to_(\d+)\.json")


class Sources(NamedTuple):
    """Which transforms files hold which state of a dataset."""

    forward: Path  # the scan at t = 0
    backward: Path | None = None  # the scan at t = 1, where there is one
    between: tuple[Path, ...] = ()  # the sequence between them: one file, or one for each time point
    unused: tuple[Path, ...] = ()  # the folder's other JSON files

    def by_state(self) -> dict[State, list[Path]]:
        """Files of each state that the dataset has."""
        states = {"forward": [self.forward], "backward": [self.backward] if self.backward else [], "between": list(self.between)}
        return {state: paths for state, paths in states.items() if paths}


def discover(folder: str | Path, input: Input) -> Sources:
    """Transforms files of a dataset: those that the configuration names, else by file name.

    transforms_NN.json with the lowest and highest NN are the scans at t = 0 and
    t = 1. The sequence between them is transforms_AA_to_BB.json, or else the
    files with numbers between, one for each time point. A sequence without a
    scan at its end counts where the configuration names it. A folder with one
    transforms*.json is static. Raises InputError where a named file is missing,
    or where the names do not tell, with the keys that settle it.
    """
    folder = Path(folder)
    found = sorted(path.name for path in folder.glob("transforms*.json"))
    scans = sorted((int(match[1]), name) for name in found if (match := _SCAN.fullmatch(name)))
    _refuse_two_of_one_number(folder, scans, input)
    forward = _named(folder, input.forward, "forward") or _forward(folder, found, scans)
    backward = _named(folder, input.backward, "backward")
    if backward is None and (match := _SCAN.fullmatch(forward.name)):
        later = [name for number, name in scans if number > int(match[1])]
        backward = folder / later[-1] if later else None
    if backward is not None and backward == forward:
        raise InputError(f"{forward.name} is named for both ends", where=folder, fix="give input.forward and input.backward two files")
    named = _named(folder, input.between, "between")
    if backward is None and named is None and input.forward is None and (left := [name for name in found if _SEQUENCE.fullmatch(name)]):
        fix = (
            "add the scan, or name it as input.backward; without one, name the sequence as input.between, and the motion follows from the "
            "first scan alone; or move it away for a static reconstruction"
        )
        raise InputError("is a sequence, but there is no scan at its end", where=folder / left[0], fix=fix)
    between = (named,) if named is not None else _between(folder, found, scans, forward, backward) if backward is not None else ()
    used = {forward, backward, *between}
    lying = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json" and not path.name.startswith("."))
    return Sources(forward, backward, between, tuple(path for path in lying if path not in used))


def _refuse_two_of_one_number(folder: Path, scans: list[tuple[int, str]], input: Input) -> None:
    """Raises InputError where two files are of the same time by their names, and the configuration does not name one of them."""
    for (number, name), (other, second) in itertools.pairwise(scans):
        if number == other and not {name, second} & {input.forward, input.backward, input.between}:
            fix = f"rename or remove one, or name the files, such as input: {{forward: {name}}}"
            raise InputError(f"{name} and {second} have the same number", where=folder, fix=fix)


def _named(folder: Path, name: str | None, key: str) -> Path | None:
    if name is None:
        return None
    path = safe_path(folder, name, f"input.{key}")
    if not path.is_file():
        raise InputError(f"no such file in {folder}", where=f"input.{key}: {name}")
    return path


def _forward(folder: Path, found: list[str], scans: list[tuple[int, str]]) -> Path:
    if scans:
        return folder / scans[0][1]
    if len(found) == 1:
        if _SEQUENCE.fullmatch(found[0]):
            raise InputError(
                "is a sequence; the scans at its ends are missing", where=folder / found[0], fix="add transforms_NN.json files"
            )
        return folder / found[0]
    if not found:
        raise InputError("has no transforms*.json", where=folder, fix="check input.folder, or name the file as input.forward")
    raise InputError(f"which file is the scan: {', '.join(found)}?", where=folder, fix="name it as input.forward")


def _between(folder: Path, found: list[str], scans: list[tuple[int, str]], forward: Path, backward: Path) -> tuple[Path, ...]:
    """The sequence between two scans, by file name."""
    sequences = {
        name: (int(match[1]), int(match[2]))
        for name in found
        if (match := _SEQUENCE.fullmatch(name)) and name not in (forward.name, backward.name)
    }
    first, last = (int(match[1]) if (match := _SCAN.fullmatch(path.name)) else None for path in (forward, backward))
    inner = [name for number, name in scans if None not in (first, last) and first < number < last]
    exact = [name for name, ends in sequences.items() if ends == (first, last)]
    if len(exact) == 1 or (len(sequences) == 1 and not inner):
        return (folder / (exact or [*sequences])[0],)
    if not sequences:
        return tuple(folder / name for name in inner)
    if inner and not exact:  # each sequence may belong to another pair of scans: to take one for the whole would drop a scan
        raise InputError(
            f"no sequence leads from {forward.name} to {backward.name}, and these lead elsewhere: {', '.join(sequences)}", where=folder,
            fix=f"name one sequence and its scans, such as {_example(sequences)}",
        )  # fmt: skip
    raise InputError(f"which file is the sequence: {', '.join(exact or sequences)}?", where=folder, fix="name it as input.between")


def _example(sequences: dict[str, tuple[int, int]]) -> str:
    """The lines of a configuration that choose the first sequence and the scans at its ends."""
    name = next(iter(sequences))
    first, last = _SEQUENCE.fullmatch(name).groups()
    return f"input: {{forward: transforms_{first}.json, backward: transforms_{last}.json, between: {name}}}"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a transforms file, with a non-empty list of frames, each an object.

    Raises InputError naming the file and, for a syntax error, line and column.
    """
    refuse_special(path, path)
    try:
        tree = parse_json(Path(path).read_text(encoding="utf-8-sig"))  # Windows puts a mark before the text
    except FileNotFoundError:
        raise InputError("no such file", where=path) from None
    except json.JSONDecodeError as error:
        raise InputError(f"is not valid JSON (line {error.lineno}, column {error.colno}: {error.msg})", where=path) from None
    except UnicodeDecodeError as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="save it as UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a key twice, nested too deep, or a number of thousands of digits
        raise InputError(f"cannot be read ({error})", where=path) from None
    if not isinstance(tree, dict):
        raise InputError("must hold a JSON object with frames", where=path)
    if "frames" not in tree:
        raise InputError("is missing", where=f"{path}: frames", fix="list the projections under it")
    if not isinstance(tree["frames"], list) or not tree["frames"]:
        raise InputError("must be a list with at least one projection", where=f"{path}: frames")
    if len(tree["frames"]) > MOST_FRAMES:
        raise InputError(
            f"has {len(tree['frames'])} projections", where=f"{path}: frames", fix=f"at most {MOST_FRAMES} are read; leave some out"
        )
    for i, frame in enumerate(tree["frames"]):
        if not isinstance(frame, dict):
            raise InputError("must be an object", where=f"{path}: frames[{i}]")
        if "file_path" not in frame:
            raise InputError("is missing", where=f"{path}: frames[{i}].file_path")
    return tree


def listed_images(path: str | Path) -> list[Path]:
    """Images that a transforms file names, each once, in its order; they need not exist."""
    path = Path(path)
    frames = read_json(path)["frames"]
    return list(
        dict.fromkeys(safe_path(path.parent, frame["file_path"], f"{path}: frames[{i}].file_path") for i, frame in enumerate(frames))
    )


def listed_masks(path: str | Path) -> list[Path]:
    """Masks that a transforms file names, each once, in its order; they need not exist."""
    path = Path(path)
    masks = (mask_of(path, frame, i) for i, frame in enumerate(read_json(path)["frames"]))
    return list(dict.fromkeys(mask for mask in masks if mask is not None))


def mask_of(path: Path, frame: dict[str, Any], index: int) -> Path | None:
    """The mask that a frame of a transforms file names, if it names one. Raises InputError where it may not lie there."""
    named = frame.get("mask_path")
    return None if named is None else safe_path(path.parent, named, f"{path}: frames[{index}].mask_path")
