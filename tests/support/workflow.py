"""The real `snakemake` command on this checkout, and what it says it would do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def snakemake(*arguments: str, cwd: Path, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run snakemake in a working directory, on the workflow of a checkout."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "workflow" / "Snakefile"), *arguments]
    return subprocess.run(command, check=False, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=900)


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
