"""`snakemake --profile slurm` and `snakemake --cores 1 --use-conda` take each other's results for their own.

Scripts make empty outputs and stop. The profile's jobs run on this machine (a
real cluster: test_slurm.py) and conda's environments are empty (real ones:
test_conda.py): what counts here is what Snakemake notes of a job and compares.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from stopping_checkout import checkout, write

from workflow import jobs, reasons, snakemake

ONE_MACHINE = ("--cores", "1", "--use-conda")
CLUSTER = ("--profile", "slurm")
COMMANDS = pytest.mark.parametrize("command", [ONE_MACHINE, CLUSTER], ids=["one machine", "cluster"])
HERE = ("--executor", "local")
SWEEP = {"sweep": {"velocity.schedule.final": [0.0001, 0.0002], "export.resolution": [8, 16]}}

# What Snakemake asks of conda; an environment has the Python that runs the tests.
CONDA = """\
#!/bin/sh
case "$1 $2" in
    "--version ") echo conda 99.0.0 ;;
    "info --json") echo '{{"conda_prefix": "{base}", "platform": "linux-64", "envs_dirs": []}}' ;;
    "config --get") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    "env create") while [ "$1" != --prefix ]; do shift; done; mkdir -p "$2/conda-meta" ;;
    "clean "*) ;;
    *) echo "unknown: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    """Where the shell finds conda."""
    base = tmp_path_factory.mktemp("conda")
    (base / "bin").mkdir()
    (base / "bin" / "conda").write_text(CONDA.format(base=base))
    (base / "bin" / "conda").chmod(stat.S_IRWXU)
    (base / "bin" / "activate").write_text("")
    return os.pathsep.join([str(base / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(scope="module", params=[(ONE_MACHINE, {}), (CLUSTER, SWEEP)], ids=["one machine", "cluster, sweep"])
def made(request, path, tmp_path_factory):
    """A checkout in which one of the two commands made everything."""
    command, changes = request.param
    root = checkout(tmp_path_factory.mktemp("checkout"))
    write(root, changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        done = snakemake(*command, *(HERE if command is CLUSTER else ()), cwd=root, root=root)
        assert done.returncode == 0, done.stdout + done.stderr
        yield root


@COMMANDS
def test_neither_repeats_what_the_other_made(made, command):
    assert jobs(*command, cwd=made, root=made) == []


@COMMANDS
def test_both_rerun_the_same_after_a_change(made, command):
    """So that the silence above is no deafness."""
    script = made / "workflow/scripts/export.py"
    before = script.read_text()
    script.write_text(before + "print(1)\n")
    try:
        stages = {job.split(": ")[1].split()[0] for job in jobs(*command, cwd=made, root=made)}
    finally:
        script.write_text(before)
    swept = {"compare"} if any(made.glob("results/*/comparison")) else set()
    assert stages == {"export", "series", "evaluate", "report"} | swept


def test_without_conda_the_software_is_another(made):
    found = reasons("--cores", "1", cwd=made, root=made)
    assert found
    assert "Software environment definition has changed" in found["d: prepare forward"]
