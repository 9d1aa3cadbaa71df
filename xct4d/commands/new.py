"""`xct4d new FOLDER [FOLDER ...]`: from a scanner's folder to a configuration that runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xct4d.commands.arrange import Arrangement, arrange
from xct4d.commands.found import Scan, find
from xct4d.errors import InputError
from xct4d.readers.scan_reader import ScanReader

HELD_OUT_EVERY = 8  # views; fewer views than twice as many hold out every fourth, fewer than eight none


@dataclass(frozen=True)
class NewConfiguration:
    """What `new` made."""

    path: Path
    lines: list[str]  # what was found, for a person
    check: str  # the command that checks it
    run: str  # the command that runs it
    join: str | None = None  # the command that joins its segments afterwards; None where there is one


def new(folders: Sequence[str | Path], output: str | Path | None = None) -> NewConfiguration:
    """Recognise scans, and write a commented configuration for them.

    folders: of one scan, or of several of one experiment in the order of time.
    output: the YAML file; by default the dataset's name in the working
    directory. Raises InputError where a folder is not understood, or the file
    exists.
    """
    scans = [scan for folder in folders for scan in find(folder)]
    segments = arrange(scans)
    folder = _common(scans)
    name = _name(folder)
    path = Path(output) if output is not None else Path(f"{name}.yaml")
    if path.exists():
        raise InputError("exists", where=path, fix="remove it, or name another file with --output")
    run, check = _command(path), _own_command(path)
    lines = [line for scan in scans for line in scan.lines()]
    datasets = {name if len(segments) == 1 else f"{name}_{i}": segment for i, segment in enumerate(segments, 1)}
    lines += [_told(segment, "" if len(segments) == 1 else f"{own}: ") for own, segment in datasets.items() if segment.reason is not None]
    join = None if len(segments) == 1 else f"{_beside_python('xct4d')} join {' '.join(f'results/{own}' for own in datasets)}"
    text = configuration(datasets, folder, lines, check, run, join)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror or error})", where=path, fix="name another file with --output") from None
    return NewConfiguration(path, lines, check, run, join)


def _told(segment: Arrangement, head: str) -> str:
    order = [("t = 0", segment.forward), ("in between", segment.between), ("t = 1", segment.backward)]
    shown = ", ".join(f"{scan.description} is {what}" for what, scan in order if scan is not None)
    return f"{head}{shown}: told {segment.reason}"


def configuration(
    datasets: Mapping[str, Arrangement], folder: Path, lines: list[str], check: str, run: str, join: str | None = None
) -> str:
    """Text of the configuration: what it needs, and behind a # what may have to be corrected."""
    head = ["Made by `xct4d new`. Found:", *(f"  {line}" for line in lines), "", f"Check it: {check}", f"Run it:   {run}"]
    head += [] if join is None else [f"Join its segments afterwards: {join}"]
    out = [*(f"# {line}".rstrip() for line in head), "datasets:"]
    for name, segment in datasets.items():
        out += _dataset(name, segment, folder)
    out += ["# prepare:", "#   target_size: 250  # pixels along the longer side of the images that are reconstructed"]
    return "\n".join(out) + "\n"


def _dataset(name: str, segment: Arrangement, folder: Path) -> list[str]:
    """One entry of `datasets`."""
    forward = segment.forward
    out = [f"  {name}:", "    input:", f"      folder: {_quoted(str(folder))}"]
    states = (("forward", forward, "the scan at t = 0"), ("backward", segment.backward, "the scan at t = 1"))
    for key, scan, meaning in (*states, ("between", segment.between, "the sequence between them")):
        if scan is not None and isinstance(scan.reader, ScanReader):
            out.append(f"      {key}: {_quoted(os.path.relpath(scan.description, folder))}  # {meaning}")
    if isinstance(forward.reader, ScanReader):  # names of the reference format tell who is held out
        out += _split(len(forward.acquisition.projections))
    out += _intensities(forward)
    out += [
        "      # What can be wrong in a scan's files, as seen in the images; default.yaml in config/ explains each key:",
        "      # geometry: {mirror: true, negate_angles: true, axis_shift_px: 2.5, row_shift_px: -1.0, roll_deg: 0.1, tilt_deg: 0.0, focal_factor: 1.0}",
    ]
    if forward.acquisition.unit_mm is not None:
        out.append(
            f"      # unit_mm: {forward.acquisition.unit_mm:.6g}  # half the width of the reconstructed box; less for a part of the sample"
        )
    return out


def _split(count: int) -> list[str]:
    if count < 8:
        return ["      split: {method: none}  # too few views to hold one out"]
    every = HELD_OUT_EVERY if count >= 2 * HELD_OUT_EVERY else 4
    return [f"      split: {{method: interval, interval: {every}}}  # every {every}th view is held out, to score the result"]


def _intensities(scan: Scan) -> list[str]:
    polynomial = "beam_hardening: [1.0, 0.05]"
    if scan.air is None:
        return [f"      # intensities: {{zingers: 0.3, {polynomial}}}"]
    if scan.air.unknown:
        return [
            f"      # NEEDED, with the right number (and beside it zingers: 0.3 or {polynomial}): {scan.air.shown()}",
            "      # intensities: {air: 50000}",
        ]
    if scan.air.needed is None:
        measured = "" if scan.air.measured is None or scan.air.by_flats else f"air: {scan.air.measured:.6g}, "
        return [f"      # intensities: {{{measured}zingers: 0.3, {polynomial}}}  # {scan.air.shown()}"]
    return [
        "      intensities:",
        f"        air: {scan.air.needed:.6g}  # {scan.air.shown()}",
        "        # zingers: 0.3  # single pixels that stand out by more take their neighbours' median",
        f"        # {polynomial}  # of -ln(I/I0)",
    ]


def _common(scans: list[Scan]) -> Path:
    """The folder below which all scans lie, as its user writes it."""
    folders = [scan.folder for scan in scans]
    if len({folder.resolve() for folder in folders}) == 1:
        return folders[0]
    common = Path(os.path.commonpath([folder.resolve() for folder in folders]))
    if common == Path(common.anchor):
        fix = "move them into folders side by side"
        raise InputError("have no folder in common", where=", ".join(map(str, folders)), fix=fix)
    here = Path.cwd()
    return common.relative_to(here) if common.is_relative_to(here) and common != here else common


def _name(folder: Path) -> str:
    return re.sub("[^A-Za-z0-9_-]+", "_", folder.resolve().name).strip("_") or "scan"


def _quoted(text: str) -> str:
    """A YAML scalar: as it stands where it is plain, else in double quotes."""
    return text if re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", text) else json.dumps(text, ensure_ascii=False)


def _command(path: Path) -> str:
    """The command that runs a configuration from the working directory."""
    snakefile = Path(__file__).resolve().parents[2] / "workflow" / "Snakefile"
    given = "" if Path("workflow/Snakefile").is_file() else f" --snakefile {_shell(snakefile)}"
    return f"{_beside_python('snakemake')} --cores all{given} --configfile {_shell(path)}"


def _own_command(path: Path) -> str:
    return f"{_beside_python('xct4d')} check {_shell(path)}"


def _beside_python(command: str) -> str:
    """A command as it is called here: by its name where the shell finds it, else with its folder."""
    own = Path(sys.executable).parent / command
    if shutil.which(command) is not None or not own.exists():
        return command
    return _shell(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def _shell(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
