"""`snakemake --cores 1 --use-conda`, by the real solver and installer, in environments made of what is installed here.

Without a conda and without conda-forge: tests/support/conda_standin turns the installed
distributions into a channel. So the environment files are solved and the jobs
run in what came out; that conda-forge has the same packages is another matter,
for which workflow/envs/README.md gives the evidence.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tiny_dataset import make

from workflow import ROOT

pytest.importorskip("rattler", reason="py-rattler, whose solver stands in for conda's, has no wheel for this machine")

from conda_standin.channel import conda_name, write_package, write_python
from lent_kernels import lend

STANDIN = Path(__file__).parents[1] / "support" / "conda_standin"
ENVS = ROOT / "workflow" / "envs"
COMMAND = "snakemake --cores 1 --use-conda --configfile config/tiniest.yaml"

CONFIG = {
    "datasets": {"d": {"input": {"scene": "tiny"}}},
    "canonical": {"steps": 4, "rays": 64, "samples": 16, "grid": {"levels": 2, "log2_size": 8, "finest": 16, "width": 16}, "bake": 16},
    "velocity": {"levels": [{"resolution": 6, "steps": 2, "learning_rate": 0.01}], "rays": 64, "samples": 16},
    "export": {"times": [0.5], "resolution": 8, "kinds": ["mixed"]},
    "evaluate": {"resolution": 8},
}

# At the end of every script: where its modules came from.
ORIGINS = """
import json, sys
found = {name: module.__file__ for name, module in sys.modules.items() if "." not in name and getattr(module, "__file__", None)}
with open(snakemake.log[0] + ".json", "w") as file:
    json.dump({"prefix": sys.prefix, "base": sys.base_prefix, "modules": found}, file)
"""


def requirements() -> list[Requirement]:
    return [Requirement(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]


def dependencies(path: Path) -> list[str]:
    return yaml.safe_load(path.read_text())["dependencies"]


def host_specs() -> list[str]:
    """Packages of the environment that README.md makes for Snakemake itself."""
    (line,) = re.findall(
        r"^conda create -n snakemake -c conda-forge -c bioconda (.+)$", (ROOT / "README.md").read_text(), flags=re.MULTILINE
    )
    return shlex.split(line)


def with_dependencies(names: list[str]) -> set[str]:
    """Distributions, and those that they require here."""
    found, left = set(), [canonicalize_name(name) for name in names]
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            required = [Requirement(line) for line in importlib.metadata.requires(name) or []]
            left += [canonicalize_name(each.name) for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


class Conda:
    """The stand-in for the `conda` command, in a folder of its own."""

    def __init__(self, base: Path, channel: Path):
        self.base = base
        (base / "bin").mkdir(parents=True)
        command = base / "bin" / "conda"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STANDIN / "command.py"}" "$@"\n')
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        (base / "bin" / "activate").write_text('export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n')
        self.variables = {"CONDA_STANDIN_BASE": str(base), "CONDA_STANDIN_CHANNEL": str(channel)}

    def __call__(self, command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a line of bash with `conda` at hand, and of Python only what an environment brings."""
        own = {name: text for name, text in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON", "NUMBA"))}
        own["PATH"] = os.pathsep.join([str(self.base / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
        return subprocess.run(
            ["bash", "-c", command], check=False, cwd=cwd, env=own | self.variables | variables, capture_output=True, text=True, timeout=900
        )

    def create(self, prefix: Path, *specs: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self(f"conda create --prefix {prefix} {' '.join(map(repr, specs))}", cwd=self.base, **variables)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("conda")


@pytest.fixture(scope="module")
def conda(place):
    """With a channel of what the package requires, and of what Snakemake's own environment holds."""
    host = {Requirement(spec).name for spec in host_specs()} - {"snakemake-minimal"}
    names = sorted({requirement.name for requirement in requirements()} | host)
    done = subprocess.run(
        [sys.executable, str(STANDIN / "channel.py"), str(place / "channel"), *names], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return Conda(place / "conda", place / "channel")


@pytest.fixture(scope="module")
def checkout(place):
    """A copy of this checkout whose scripts say at their end where their modules came from."""
    root = place / "checkout"
    for name in ("workflow", "xct4d", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (root / "workflow" / "scripts").glob("*.py"):
        script.write_text(script.read_text() + ORIGINS)
    (root / "config" / "tiniest.yaml").write_text(yaml.safe_dump(CONFIG))
    lend(root)
    return root


@pytest.fixture(scope="module")
def snakemake(conda, checkout, place):
    """The official command and its like, in an environment that holds Snakemake and what that needs, no more."""
    host = place / "host"
    made = conda.create(host, *(spec.replace("snakemake-minimal", "snakemake ") for spec in host_specs()))
    assert made.returncode == 0, made.stderr
    assert not list(host.glob("lib/*/site-packages/torch"))
    assert not list(host.glob("lib/*/site-packages/numba"))
    return lambda command: conda(f"source activate {host}; {command}", cwd=checkout)


@pytest.fixture(scope="module")
def done(snakemake, checkout):
    """The checkout, in which the official command made everything."""
    run = snakemake(COMMAND)
    assert run.returncode == 0, run.stdout + run.stderr
    return checkout


# Plans a dataset with every installed package out of reach but those named, as a bare environment has it.
PLANNING = """
import sys
from pathlib import Path

hidden = set(sys.argv[2].split(","))

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Hidden())
from xct4d.io.mapping_files import read_mapping
from xct4d.workflow import demand
from xct4d.workflow.plan import plan
(dataset,) = plan({"datasets": {"d": read_mapping(sys.argv[1])}}, Path("config/scenes")).values()
for stage in ("prepare", "check", "canonical", "velocity", "mixing", "export", "series", "evaluate", "report") + ("simulate",) * dataset.simulated:
    demand.memory_mb(stage, dataset, 8, 6), demand.minutes(stage, dataset, 8, 6)
"""


@pytest.mark.parametrize("source", ["folder", "scene"])
def test_planning_needs_no_more_than_the_guide_installs(tmp_path, source):
    if source == "folder":
        make(tmp_path / "data")
    given = {"folder": str(tmp_path / "data")} if source == "folder" else {"scene": "tiny"}
    (tmp_path / "d.yaml").write_text(yaml.safe_dump({"input": given}))
    own = with_dependencies([re.split("[<>=]", spec)[0].removesuffix("-minimal") for spec in host_specs()])
    of = importlib.metadata.packages_distributions()
    hidden = [name for name, owners in of.items() if not {canonicalize_name(owner) for owner in owners} & own and name != "xct4d"]
    assert {"torch", "numba", "zarr"} <= set(hidden)
    done = subprocess.run(
        [sys.executable, "-c", PLANNING, str(tmp_path / "d.yaml"), ",".join(hidden)], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_job_imports_from_the_solved_environment(done):
    saved = sorted((done / "results/d/logs").glob("*.json"))
    names = {path.name.split(".")[0] for path in saved}
    assert {"simulate", "prepare_forward", "canonical_forward", "velocity_6", "evaluate"} <= names
    for path in saved:
        said = json.loads(path.read_text())
        prefix = Path(said["prefix"])
        assert prefix.parent == done / ".snakemake" / "conda"
        own = (prefix, Path(said["base"]) / "lib", done)
        host = {name for name, file in said["modules"].items() if not any(place in Path(file).parents for place in own)}
        # Snakemake's object cannot be read without Snakemake
        assert {name for name in host if not name.startswith("snakemake")} == set()
        if path.name.startswith("canonical"):
            assert Path(said["modules"]["torch"]).is_relative_to(prefix)


def test_a_package_that_only_snakemake_has_is_not_found(done, conda, place):
    (python,) = (done / ".snakemake/conda").glob("*/bin/python")
    (packages,) = (place / "host").glob("lib/*/site-packages")
    code = f"""
import sys
sys.path.append({str(packages)!r})
import snakemake, yte
from xct4d.workflow.job import import_own_packages_only
del sys.modules["yte"]
import_own_packages_only()
import numpy, torch, xct4d.workflow.plan
import yte
"""
    ran = subprocess.run([str(python), "-c", code], check=False, cwd=done, capture_output=True, text=True)
    assert ran.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'yte'"


@pytest.mark.parametrize("command", [COMMAND, COMMAND.replace("--use-conda", "--software-deployment-method conda")])
def test_nothing_is_made_twice_however_conda_is_switched_on(done, snakemake, command):
    run = snakemake(command + " --dry-run")
    assert run.returncode == 0, run.stderr
    assert "Nothing to be done" in run.stdout + run.stderr


def test_a_pin_that_nothing_satisfies_fails_in_the_solver(done, snakemake):
    path = done / "workflow/envs/cpu.yaml"
    before = path.read_text()
    path.write_text(before.replace("numba >=0.61,<1", "numba >=99"))
    try:
        run = snakemake(COMMAND)
        assert run.returncode == 1
        assert "Could not create conda environment" in run.stderr
        assert "numba >=99" in run.stderr, run.stderr
    finally:
        path.write_text(before)


def test_the_environments_hold_what_the_program_requires():
    # Snakemake stays outside: its own environment starts the jobs
    required = {requirement.name: requirement for requirement in requirements() if requirement.name != "snakemake"}
    cpu, cuda = ({line.split()[0]: line for line in dependencies(ENVS / f"{name}.yaml")} for name in ("cpu", "cuda"))
    assert set(cpu) == {conda_name(name) for name in required} | {"python"}
    assert set(cuda) - set(cpu) == {"numba-cuda", "tiny-cuda-nn"}
    assert [name for name in cpu if cpu[name] != cuda[name]] == ["pytorch", "numba"]
    floors = {name: bound for name, found in required.items() for bound in found.specifier if bound.operator == ">="}
    assert floors
    assert all(str(bound) in cpu[conda_name(name)] for name, bound in floors.items())


@pytest.fixture(scope="module")
def forge(place):
    """A conda whose channel has empty packages with the constraints between the CUDA packages of conda-forge.

    They are those of the recipes of pytorch 2.12.1 and 2.13.0, tiny-cuda-nn 2.0
    and numba-cuda 0.30.2 that workflow/envs/README.md names.
    """
    channel = place / "forge"
    write_python(channel)
    for line in dependencies(ENVS / "cuda.yaml"):
        name, lowest = line.split()[0], line.split(">=")[1].split(",")[0].split()[0]
        if name not in ("python", "pytorch", "tiny-cuda-nn", "numba-cuda"):
            write_package(channel, name, lowest, [])
    for version in ("2.12.1", "2.13.0"):
        write_package(channel, "pytorch", version, [], build="cpu_generic_py311_h1_2")
        write_package(channel, "pytorch", version, ["__cuda"], build="cuda129_generic_py311_h1_202")
    write_package(channel, "tiny-cuda-nn", "2.0", ["pytorch 2.12.* *cuda*"], build="cuda129_2")
    write_package(channel, "numba-cuda", "0.30.2", ["numba >=0.60.0"])
    index_apart(channel)
    return Conda(place / "forge-conda", channel)


def index_apart(channel: Path) -> None:
    code = f"import os, pathlib; from conda_standin.channel import index; index(pathlib.Path({str(channel)!r})); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=STANDIN.parent)


def packages(prefix: Path) -> dict[str, str]:
    records = [json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("*.json")]
    return {record["name"]: f"{record['version']} {record['build']}" for record in records}


def test_where_a_gpu_is_the_cuda_environment_brings_tinycudann_and_the_pytorch_it_was_built_for(forge, place):
    made = forge.create(place / "cuda", *dependencies(ENVS / "cuda.yaml"), CONDA_OVERRIDE_CUDA="12.9")
    assert made.returncode == 0, made.stderr
    found = packages(place / "cuda")
    assert found["pytorch"].startswith("2.12.1 cuda129")
    assert found["tiny-cuda-nn"].startswith("2.0")
    assert "numba-cuda" in found


def test_the_cpu_environment_stays_free_of_cuda_where_a_gpu_is(forge, place):
    made = forge.create(place / "cpu", *dependencies(ENVS / "cpu.yaml"), CONDA_OVERRIDE_CUDA="12.9")
    assert made.returncode == 0, made.stderr
    assert packages(place / "cpu")["pytorch"].startswith("2.13.0 cpu")


def test_where_no_gpu_is_the_cuda_environment_names_what_is_missing(forge, place):
    made = forge.create(place / "none", *dependencies(ENVS / "cuda.yaml"), CONDA_OVERRIDE_CUDA="")
    assert made.returncode == 1
    assert "__cuda" in made.stderr, made.stderr
