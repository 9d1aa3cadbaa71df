"""The command `xct4d`: a thin shell around the library calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from xct4d.errors import InputError
from xct4d.version import VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 where something must be mended, told in one line."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        return COMMANDS[given.command](given)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="xct4d", description="4D X-ray CT of things that deform too fast to scan.")
    parser.add_argument("--version", action="version", version=f"xct4d {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="recognise scanners' folders and write a configuration")
    new.add_argument("folders", nargs="+", metavar="FOLDER", help="a scan; or the scans of one experiment, in the order of time")
    new.add_argument("--output", metavar="FILE", help="the configuration (default: the folder's name with .yaml, here)")
    check = commands.add_parser(
        "check", help="read the data of a configuration and say whether they can be trusted; pictures go to CONFIG_check/"
    )
    check.add_argument("configuration", metavar="CONFIG", help="a YAML file, such as `xct4d new` writes")
    track = commands.add_parser("track", help="follow points, gauges or regions of the material through time")
    track.add_argument("result", metavar="RESULT", help="folder of a finished result, such as results/balls")
    track.add_argument(
        "table",
        metavar="TABLE",
        help="CSV of what is followed, where it is at t = 0: name,x,y,z (points), name,x1,y1,z1,x2,y2,z2 (gauges) or "
        "name,x_from,x_to,y_from,y_to,z_from,z_to (boxes); or a volume of labels (.npy, .npz, .tif)",
    )
    track.add_argument("--output", metavar="FOLDER", help="where the table and the figure go (default: RESULT/tracked/<name of TABLE>)")
    film = commands.add_parser("film", help="a film of a plane or of a maximum projection, as MP4 or GIF")
    film.add_argument("result", metavar="RESULT", help="folder of a finished result, such as results/balls")
    film.add_argument(
        "what", metavar="WHAT", nargs="?", help="mixed (default; forward without a second scan), displacement, logarithmic_strain.zz, ..."
    )
    film.add_argument(
        "--axis", choices=("z", "y", "x"), default="y", help="across which the plane lies, or along which the maximum is taken"
    )
    film.add_argument(
        "--at", type=float, metavar="POSITION", help="of the plane along the axis (default: one with contrast near the centre)"
    )
    film.add_argument("--maximum", action="store_true", help="the largest value along the axis in place of a plane")
    film.add_argument("--output", metavar="FILE", help=".mp4 or .gif (default: RESULT/films/WHAT_AXIS.mp4)")
    slices = commands.add_parser("slices", help="the planes across an axis as stacks of images (TIFF), at any times")
    slices.add_argument("result", metavar="RESULT", help="folder of a finished result, such as results/balls")
    slices.add_argument("what", metavar="WHAT", nargs="?", help="as of film")
    slices.add_argument("--times", type=float, nargs="+", metavar="T", required=True, help="from 0 to 1, exported or not")
    slices.add_argument("--axis", choices=("z", "y", "x"), default="y", help="across which the planes lie")
    slices.add_argument(
        "--resolution", type=int, default=200, metavar="N", help="voxels per axis, and so the number of planes (default: 200)"
    )
    slices.add_argument("--output", metavar="FOLDER", help="(default: RESULT/slices)")
    join = commands.add_parser("join", help="join the segments of an experiment of more than two full scans: one film, one evaluation")
    join.add_argument("results", nargs="+", metavar="RESULT", help="folders of finished results, in the order of time")
    join.add_argument("--output", metavar="FOLDER", help="(default: FIRST_to_LAST beside the first)")
    return parser


def _new(given: argparse.Namespace) -> int:
    from xct4d.commands.new import new

    made = new(given.folders, given.output)
    print("\n".join(made.lines))
    print(f"\nwrote {made.path}\ncheck it: {made.check}\nrun it:   {made.run}")
    if made.join is not None:
        print(f"then join its segments: {made.join}")
    return 0


def _check(given: argparse.Namespace) -> int:
    from pathlib import Path

    from xct4d.commands.check import check

    failed = 0
    for checked in check(given.configuration, f"{Path(given.configuration).stem}_check"):
        print(f"{checked.name}:")
        print("\n".join(f"  {line}" for line in checked.lines), flush=True)
        if checked.error is not None:
            print(checked.error, file=sys.stderr)
            failed = 1
    return failed


def _track(given: argparse.Namespace) -> int:
    from xct4d.commands.track import track

    folder, lines = track(given.result, given.table, given.output)
    print("\n".join([*lines, "", f"curves: {folder / 'tracks.png'}", f"numbers: {folder / 'tracks.csv'}"]))
    return 0


def _film(given: argparse.Namespace) -> int:
    from xct4d.commands.film import film

    if given.maximum and given.at is not None:
        raise InputError("a maximum has no position", where="--at", fix="leave out --at or --maximum")
    print(film(given.result, given.what, axis=given.axis, at=given.at, maximum=given.maximum, output=given.output))
    return 0


def _slices(given: argparse.Namespace) -> int:
    from xct4d.commands.slices import slices

    made = slices(given.result, given.what, times=given.times, axis=given.axis, resolution=given.resolution, output=given.output)
    print("\n".join(map(str, made)))
    return 0


def _join(given: argparse.Namespace) -> int:
    from xct4d.commands.join import join

    made = join(given.results, given.output)
    print("\n".join([*made.lines, "", f"page:  {made.folder / 'report/report.html'}", f"films: {made.folder / 'series'}"]))
    return 0


COMMANDS = {"new": _new, "check": _check, "track": _track, "film": _film, "slices": _slices, "join": _join}

if __name__ == "__main__":
    sys.exit(main())
