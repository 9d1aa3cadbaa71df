"""A small conda channel out of what is installed here.

Every installed distribution that is asked for, and what it needs, becomes a
conda package of the same version that holds symbolic links into the
site-packages it came from; `python` is a pyvenv.cfg and links. Environments
solved from it are real (own prefix, own activation, own sys.prefix) and take
kilobytes. Run as a program, as py-rattler's threads can crash the end of an
interpreter: python channel.py FOLDER DISTRIBUTION...
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tarfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler import Subdir
from rattler.index import index_fs

# Names that differ on conda-forge.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "msgpack": "msgpack-python"}
# The form of conda-forge's pytorch builds: without CUDA, by generic BLAS.
BUILDS = {"pytorch": "cpu_generic_0"}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{PYTHON}/site-packages"


def conda_name(distribution: str) -> str:
    name = canonicalize_name(distribution)
    return CONDA_NAMES.get(name, name)


def write_package(
    channel: Path,
    name: str,
    version: str,
    depends: list[str],
    *,
    build: str = "0",
    links: dict[str, Path] | None = None,
    files: dict[str, str] | None = None,
) -> None:
    """One package. links, files: target or text, by the path in an environment; files in bin/ are executable."""
    platform = str(Subdir.current())
    paths, members = [], []
    for path, target in (links or {}).items():
        link = tarfile.TarInfo(path)
        link.type, link.linkname = tarfile.SYMTYPE, str(target)
        members.append((link, b""))
        paths.append({"_path": path, "path_type": "softlink"})
    for path, text in (files or {}).items():
        members.append((file(path, text, mode=0o755 if path.startswith("bin/") else 0o644), text.encode()))
        paths.append({"_path": path, "path_type": "hardlink"})
    index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": depends, "subdir": platform}
    info = {"info/index.json": index, "info/paths.json": {"paths": paths, "paths_version": 1}, "info/about.json": {}}
    folder = channel / platform
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{name}-{version}-{build}.tar.bz2", "w:bz2", compresslevel=1) as archive:
        for path, content in info.items():
            text = json.dumps(content)
            archive.addfile(file(path, text), io.BytesIO(text.encode()))
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))


def file(path: str, text: str, mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.size, member.mode = len(text.encode()), mode
    return member


def write_python(channel: Path) -> None:
    real = Path(sys.base_prefix) / "bin" / f"python{PYTHON}"
    settings = f"home = {real.parent}\ninclude-system-site-packages = false\nversion = {PYTHON}.{sys.version_info.micro}\n"
    links = {f"bin/python{suffix}": real for suffix in ("", "3", PYTHON)}
    write_package(
        channel, "python", f"{PYTHON}.{sys.version_info.micro}", [], links=links, files={"pyvenv.cfg": settings, f"{SITE}/README": ""}
    )


def write_distributions(channel: Path, wanted: list[str]) -> None:
    """The wanted distributions and what they need, so far as it is installed."""
    installed = {canonicalize_name(found.name) for found in metadata.distributions()}
    waiting, written = [canonicalize_name(name) for name in wanted], set()
    while waiting:
        name = waiting.pop()
        if name in written:
            continue
        written.add(name)
        found = metadata.distribution(name)
        required = [Requirement(line) for line in found.requires or []]
        needs = [canonicalize_name(r.name) for r in required if r.marker is None or r.marker.evaluate({"extra": ""})]
        needs = [need for need in needs if need in installed]
        waiting += needs
        base = Path(found.locate_file(""))
        tops = {path.parts[0] for path in found.files or []} - {"..", "__pycache__"}
        commands = {
            f"bin/{entry.name}": f"#!/usr/bin/env python\nimport sys\nfrom {entry.module} import {entry.attr}\nsys.exit({entry.attr}())\n"
            for entry in found.entry_points.select(group="console_scripts")
        }
        write_package(
            channel,
            conda_name(name),
            found.version.partition("+")[0],
            [f"python {PYTHON}.*", *map(conda_name, needs)],
            build=BUILDS.get(conda_name(name), "0"),
            links={f"{SITE}/{top}": base / top for top in sorted(tops)},
            files=commands,
        )


def index(channel: Path) -> None:
    (channel / "noarch").mkdir(exist_ok=True)
    asyncio.run(index_fs(channel))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    write_python(folder)
    write_distributions(folder, sys.argv[2:])
    index(folder)
    sys.stdout.flush()
    os._exit(0)
