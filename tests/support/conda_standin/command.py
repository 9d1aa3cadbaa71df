"""Stands in for the `conda` command where there is none.

Does what Snakemake asks of conda, and `create` with a list of packages, with
the real solver and installer of rattler. Packages come from the channel in
$CONDA_STANDIN_CHANNEL, whatever channels an environment file names.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import yaml
from rattler import Subdir, VirtualPackage, VirtualPackageOverrides, install, solve
from rattler.exceptions import SolverError

BASE = Path(os.environ["CONDA_STANDIN_BASE"])


async def create(specs: list[str], prefix: str) -> None:
    channel = Path(os.environ["CONDA_STANDIN_CHANNEL"]).as_uri()
    machine = VirtualPackage.detect(VirtualPackageOverrides.from_env())
    records = await solve([channel], specs, platforms=[Subdir.current(), "noarch"], virtual_packages=machine)
    await install(records, prefix, show_progress=False, cache_dir=BASE / "packages")


def value(option: str) -> str:
    return arguments[arguments.index(option) + 1]


def run() -> None:
    match arguments:
        case ["--version"]:
            print("conda 99.0.0")
        case ["info", *_]:
            print(json.dumps({"conda_prefix": str(BASE), "platform": str(Subdir.current()), "envs_dirs": []}))
        case ["config", "--get", *_]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *_]:
            asyncio.run(create(yaml.safe_load(Path(value("--file")).read_text())["dependencies"], value("--prefix")))
        case ["create", "--prefix", prefix, *specs]:
            asyncio.run(create(specs, prefix))
        case ["clean", *_]:
            pass  # of tarballs, which take kilobytes here
        case _:
            sys.exit(f"the stand-in for conda does not know: {arguments}")


arguments, status = sys.argv[1:], 0
try:
    run()
except SolverError as error:
    status = 1
    print(error, file=sys.stderr)
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # py-rattler's threads can crash the end of an interpreter
