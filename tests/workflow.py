"""The real `snakemake` command on this checkout, and what it says it would do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def snakemake(*arguments: str, cwd: Path, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run snakemake in a working directory, on the workflow of a checkout."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "workflow" / "Snakefile"), *arguments]
    return subprocess.run(command, check=False, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=900)


def jobs(*arguments: str, cwd: Path, root: Path = ROOT) -> list[str]:
    """The jobs that a dry run lists, by their messages ("tiny: velocity 9"), sorted."""
    done = snakemake("--dry-run", *arguments, cwd=cwd, root=root)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return sorted(re.findall(r"^ *Job \d+: (.+)", output, flags=re.MULTILINE))
