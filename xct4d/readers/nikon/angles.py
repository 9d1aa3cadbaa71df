"""The angles of a Nikon scan, of which there may be three records that need not share their zero.

_ctdata.txt holds measured angles and times of continuous scans, positive and
not from InitialAngle; NAME.ang those of stop-start scans, negative; the .xtekct
file the law InitialAngle + k AngularStep. Scans of one experiment are read from
the same kind of record, the best that all of them have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xct4d.errors import InputError
from xct4d.readers.ini import finite, read_text
from xct4d.readers.nikon.xtekct import Xtekct

Kind = Literal["_ctdata.txt", ".ang", ".xtekct"]
BESIDE_LAW = 0.5  # steps by which an angle may differ from an even rotation before it is told


@dataclass(frozen=True)
class Angles:
    """Of each projection, in the order of recording."""

    azimuth_deg: list[float]  # of the source as seen from the sample, from +x towards +y
    start_s: list[float] | None = None  # times, where they are recorded
    exposure_s: float | None = None
    path: Path | None = None  # the file; None: the .xtekct's law


def kind_for(records: Sequence[Path]) -> Kind:
    """The best record of angles that all scans have, told by the names of files."""
    return next((kind for kind in ("_ctdata.txt", ".ang") if all(angle_file(record, kind, records) for record in records)), ".xtekct")


def angle_file(record: Path, kind: Kind, records: Sequence[Path]) -> Path | None:
    """The file of one scan; None for the law in its .xtekct, and where there is none."""
    if kind == ".xtekct":
        return None
    if kind == "_ctdata.txt" and sum(other.parent == record.parent for other in records) > 1:
        return None  # its name does not tell which scan it belongs to
    wanted = kind if kind == "_ctdata.txt" else f"{record.stem}{kind}"
    found = [path for path in record.parent.iterdir() if path.name.lower() == wanted.lower()]
    return found[0] if found else None


def read_angles(file: Xtekct, path: Path | None, count: int) -> Angles:
    """Angles of `count` projections. Raises InputError naming file and line where there are fewer, or something is no number."""
    if path is None:
        start, step = file.number("InitialAngle", 0.0), file.number("AngularStep")
        return Angles([-(start + k * step) for k in range(count)])
    lines = read_text(path).split("\n")
    angles = _ctdata(path, lines) if path.name.lower() == "_ctdata.txt" else _ang(path, lines)
    found = len(angles.azimuth_deg)
    if found < count:
        raise InputError(f"has {found} angles for {count} projections", where=path, fix="copy the whole file from the scanner")
    start_s = None if angles.start_s is None else angles.start_s[:count]
    return Angles(angles.azimuth_deg[:count], start_s, angles.exposure_s, path)


def turn_in_an_exposure(angles: Angles) -> tuple[float, float] | None:
    """(degrees, steps) by which the stage of a continuous scan turns while a projection is exposed; None where times are not recorded."""
    if angles.start_s is None or angles.exposure_s is None or len(angles.start_s) < 2:
        return None
    turned = abs(angles.azimuth_deg[-1] - angles.azimuth_deg[0])
    speed, step = turned / (angles.start_s[-1] - angles.start_s[0]), turned / (len(angles.start_s) - 1)
    return (speed * angles.exposure_s, speed * angles.exposure_s / step) if step > 0 else None


def departure_from_law(angles: Angles, step_deg: float) -> float:
    """Largest difference from an even rotation by `step_deg`, in steps, whatever the zero and the direction."""
    turns = [abs(angle - angles.azimuth_deg[0]) for angle in angles.azimuth_deg]
    return max((abs(turn - k * abs(step_deg)) for k, turn in enumerate(turns)), default=0.0) / max(abs(step_deg), 1e-12)


def _ang(path: Path, lines: list[str]) -> Angles:
    """Rows `n: angle`, after a head; the angle is negative."""
    rows = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    values = []
    for i, line in rows:
        if match := re.fullmatch(r"\s*(\d+)\s*:\s*(\S+)\s*", line):
            if int(match[1]) != len(values) + 1:
                raise InputError(
                    f"has projection {match[1]} where {len(values) + 1} should be", where=f"{path}: line {i}", fix="restore it"
                )
            values.append(_number(match[2], f"{path}: line {i}"))
        elif values:
            raise InputError(f"must be `n: angle`, not {line.strip()[:40]!r}", where=f"{path}: line {i}", fix="restore it")
    return Angles(values)


def _ctdata(path: Path, lines: list[str]) -> Angles:
    """Three lines of a head, then rows of number, angle (positive) and time."""
    head = lines[1].split() if len(lines) > 1 else []
    if len(head) < 3 or not lines[0].lower().startswith("projections"):
        raise InputError("does not begin with Projections, Frames, Exposure(ms)", where=path, fix="copy the file from the scanner again")
    frames, exposure_ms = _number(head[1], f"{path}: line 2"), _number(head[2], f"{path}: line 2")
    angles, times = [], []
    for i, line in enumerate(lines[3:], 4):
        if not line.strip():
            continue
        cells = line.split()
        if len(cells) != 3:
            raise InputError(f"must be number, angle and time, not {line.strip()[:40]!r}", where=f"{path}: line {i}", fix="restore it")
        angles.append(-_number(cells[1], f"{path}: line {i}"))
        times.append(_number(cells[2], f"{path}: line {i}"))
        if len(times) > 1 and times[-1] <= times[-2]:
            raise InputError(f"the time {times[-1]:g} s is not after {times[-2]:g} s", where=f"{path}: line {i}", fix="restore it")
    return Angles(angles, times, frames * exposure_ms / 1000 if frames > 0 and exposure_ms > 0 else None)


def _number(text: str, where: str) -> float:
    number = finite(text)
    if math.isnan(number):
        raise InputError(f"must be a number, not {text[:40]!r}", where=where, fix="copy the file from the scanner again")
    return number
