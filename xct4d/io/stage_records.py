"""What stages record of their work as JSON: the scores of evaluate, the curves of a training, what a registration or a calibration found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from xct4d.errors import InputError
from xct4d.io.digests import check_file
from xct4d.io.mapping_files import read_mapping

Read = TypeVar("Read")


def read_metrics(path: Path) -> dict[str, Any]:
    """The scores in a metrics.json. Raises InputError where the file is missing or damaged."""
    check_file(path)
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="delete its folder and evaluate again") from None


def read_history(path: Path) -> dict[str, Any]:
    """The curves in a history.json: a list of steps, lists of values. Raises InputError where the file is missing or damaged."""
    check_file(path)
    try:
        history = json.loads(path.read_text())
        if len(history["step"]) != len(history["loss"]):
            raise ValueError("step and loss differ in length")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="delete its folder and train again") from None
    return history


def read_registration(path: Path) -> dict[str, Any]:
    """What a registration.json says. Raises InputError where the file is missing or damaged."""
    check_file(path)
    return read_mapping(path)


def read_calibration(path: Path) -> list[str]:
    """What a calibration.json says of the cameras, line by line. Raises InputError where the file is missing or damaged."""
    return _read(path, lambda record: [str(line) for line in record["lines"]])


def read_exposures(path: Path) -> list[float]:
    """Times of the sequence in a trust.json. Raises InputError where the file is missing or damaged."""
    return _read(path, lambda record: [float(t) for t in record["times"]])


def read_downscale(path: Path) -> float:
    """By how much `prepare` downscaled the images, from a checks.json. Raises InputError where the file is missing or damaged."""
    return _read(path, lambda record: float(record["downscale"]))


def _read(path: Path, wanted: Callable[[dict[str, Any]], Read]) -> Read:
    check_file(path)
    try:
        return wanted(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="delete its folder and run the workflow again") from None
