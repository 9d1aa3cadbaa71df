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
        return _new(given) if given.command == "new" else _check(given)
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
    return parser


def _new(given: argparse.Namespace) -> int:
    from xct4d.commands.new import new

    made = new(given.folders, given.output)
    print("\n".join(made.lines))
    print(f"\nwrote {made.path}\ncheck it: {made.check}\nrun it:   {made.run}")
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


if __name__ == "__main__":
    sys.exit(main())
