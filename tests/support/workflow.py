"""The real `snakemake` command on this checkout, and what it says it would do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FORKING = [sys.executable, str(Path(__file__).with_name("forking_snakemake.py"))]
FORKING_JOBS = (*FORKING, "1", "once")  # instead of `python -m snakemake`: its jobs of one thread are forks


def snakemake(
    *arguments: str, cwd: Path, root: Path = ROOT, prepared_for: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run snakemake in a working directory, on the workflow of a checkout.

    Half of a command's time is the import of Snakemake, so that a process that has imported it
    is forked, unless the command is to find another environment as it starts. So are its jobs of one
    thread; prepared_for: its jobs of so many threads, from a process that has imported torch and its like.
    """
    arguments = ("--snakefile", str(root / "workflow" / "Snakefile"), *arguments)
    if environment:
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.run(command, check=False, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=900)
    with tempfile.TemporaryDirectory() as folder:
        streams = {name: Path(folder) / name for name in ("stdout", "stderr")}
        request = {
            "arguments": arguments,
            "cwd": str(cwd),
            "environment": dict(os.environ),
            **{name: str(path) for name, path in streams.items()},
        }
        server = _forking(prepared_for)
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, **{name: path.read_text() for name, path in streams.items()})


@cache
def _forking(prepared_for: int | None) -> subprocess.Popen[str]:
    command = [*FORKING, "1", "plain"] if prepared_for is None else [*FORKING, str(prepared_for), "prepared"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def jobs(*arguments: str, cwd: Path, root: Path = ROOT, **environment: str) -> list[str]:
    """The jobs that a dry run lists, by their messages ("tiny: velocity 9"), sorted."""
    return sorted(name for name, _ in _listed(*arguments, cwd=cwd, root=root, **environment))


def reasons(*arguments: str, cwd: Path, root: Path = ROOT) -> dict[str, str]:
    """Why a dry run would run each of its jobs, by their messages."""
    return dict(_listed(*arguments, cwd=cwd, root=root))


def _listed(*arguments: str, cwd: Path, root: Path, **environment: str) -> list[tuple[str, str]]:
    done = snakemake("--dry-run", "--quiet=host", *arguments, cwd=cwd, root=root, **environment)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    # the job that only asks for the others has no dataset before a colon
    return re.findall(r"^ *Job \d+: (\S+: .+)\n *Reason: (.+)", output, flags=re.MULTILINE)
