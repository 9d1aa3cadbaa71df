"""Which packages a job imports: those of its own environment, never those that only Snakemake's has."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys
sys.path.insert(0, sys.argv[1])
import snakemake
from xct4d.workflow.job import import_own_packages_only
import_own_packages_only()
import beside_snakemake
"""


@pytest.fixture
def packages(tmp_path):
    """A folder that holds what passes for Snakemake, and a package beside it."""
    for name in ("snakemake", "beside_snakemake"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    return tmp_path


def imported(packages, pythonpath):
    variables = os.environ | {"PYTHONPATH": pythonpath}
    return subprocess.run([sys.executable, "-c", CODE, str(packages)], check=False, capture_output=True, text=True, env=variables)


def test_packages_of_pythonpath_are_the_jobs_own(packages):
    """So environment modules of clusters and `pip install --target` bring them; Snakemake removes the variable for conda's jobs."""
    done = imported(packages, os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")]))
    assert done.returncode == 0, done.stderr


def test_packages_beside_snakemake_alone_are_not(packages):
    done = imported(packages, os.environ.get("PYTHONPATH", ""))
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'beside_snakemake'"
