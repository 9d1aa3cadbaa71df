"""check: do the projections contradict the cameras? Nothing is changed, and a bad verdict stops nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from xct4d.config import Geometry
from xct4d.directions import SCAN_TIME, State
from xct4d.doctor.alignment import alignment_of
from xct4d.doctor.diagnose import diagnose
from xct4d.doctor.diagnosis import Diagnosis, sections
from xct4d.doctor.ends import ends_of, parts_of
from xct4d.doctor.evidence import Evidence
from xct4d.doctor.picture import draw
from xct4d.doctor.sample import Sample
from xct4d.doctor.sequence_turn import turn_of
from xct4d.geometry.views import Views
from xct4d.io import strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.io.prepared import Frames, load
from xct4d.io.stage_records import read_downscale
from xct4d.progress import say


def check(prepared: Mapping[State, Path], given: Mapping[State, Geometry], output: Path) -> None:
    """Examine the prepared scans; write check.json and a picture of each scan, such as geometry_forward.png, into `output`, a folder.

    prepared: the folder of each state. given: corrections of the geometry that
    the preparation of each has made. Raises InputError where a folder is damaged or the
    output cannot be written.
    """
    record: dict[str, object] = {}
    said: list[str] = []
    evidence: dict[State, Evidence] = {}
    found: dict[State, Diagnosis] = {}
    with atomic_folder(output) as folder:
        for scan in SCAN_TIME:
            if scan not in prepared:
                continue
            found[scan], evidence[scan] = diagnose(_sample(prepared[scan]), given[scan])
            draw(folder / f"geometry_{scan}.png", found[scan], evidence[scan], f"{scan} scan")
        for state, section in sections(found).items():
            record[state] = found[state].to_json() | {"section": section}
            said += _lines(state, found[state], section)
        parts = _parts(load(prepared["between"])) if "between" in prepared else None
        if (ends := ends_of(parts, evidence)) is not None:
            record["ends"] = asdict(ends) | {"exchanged": ends.exchanged}
            said += [ends.line()] if ends.exchanged else []
        if (lying := alignment_of(evidence, found)) is not None:
            record["alignment"] = asdict(lying) | {"is_clear": lying.is_clear}
            said += [f"backward: {line}" for line in lying.lines(given["backward"], found["backward"])]
        if (turn := turn_of(parts, evidence, found)) is not None:
            record["sequence_turn"] = asdict(turn) | {"is_clear": turn.is_clear}
            said += [f"between: {line}" for line in turn.lines(given["between"])]
        (folder / "check.json").write_text(strict_json.dumps(record))
    say("\n  ".join(["check:", *said]))


def _lines(scan: State, found: Diagnosis, section: str) -> list[str]:
    """What the log tells of a scan: of a right one the verdict alone."""
    warning = "warning: " if found.verdict == "wrong" else ""
    shown = found.lines(section)[: 1 if found.verdict == "right" else None]
    return [f"{scan}: {warning if i == 0 else ''}{line}" for i, line in enumerate(shown)]


def _sample(folder: Path) -> Sample:
    frames = load(folder)
    factor = read_downscale(folder / "checks.json")
    return Sample.of(frames.image, _cameras(frames), frames.flat_field, factor)


def _cameras(frames: Frames) -> list[Views]:
    """Of each frame the view with the largest weight."""
    return [frames.views[[frames.main_view(frame)]] for frame in range(len(frames))]


def _parts(between: Frames) -> tuple[Evidence, Evidence] | None:
    return parts_of(between.image, _cameras(between), between.frame_time(), between.flat_field)
