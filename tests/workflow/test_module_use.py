"""Other workflows import this one: from another directory, with a part of their configuration, under a prefix.

The scripts of the copy that is imported record their parameters, make empty
outputs and stop.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from stopping_checkout import MAKE, STOP, checkout

from workflow import ROOT, jobs, snakemake
from xct4d.version import VERSION

IMPORTING = """\
configfile: "config.yaml"


module xct4d:
    snakefile:
        {snakefile}
    config:
        config["ct"]
{prefix}

use rule * from xct4d as ct_*


rule own:
    default_target: True
    input:
        expand("{root}results/{{name}}/report", name=["folder", "scene"]),
    output:
        "own.txt",
    shell:
        "touch {{output}}"
"""

RECORD = f"""\
{MAKE}
import json
with open(os.path.join(folders[0], "params.json"), "w") as file:
    json.dump(dict(snakemake.params.items()), file)
sys.exit()
"""

CONFIG = {
    "ct": {
        "datasets": {"folder": {"input": {"folder": "data"}}, "scene": {"input": {"scene": "tiny"}}},
        "velocity": {"levels": [{"resolution": n, "steps": 9, "learning_rate": 0.01} for n in (6, 9)]},
        "mixing": {"method": "spline"},
        "export": {"times": [0.5]},
    }
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> Path:
    """A checkout whose scripts record and stop."""
    root = checkout(tmp_path_factory.mktemp("imported"))
    for script in (root / "workflow" / "scripts").glob("*.py"):
        script.write_text(RECORD + script.read_text().removeprefix(STOP))
    return root


def importing(folder: Path, imported: Path, snakefile: str, prefix: str = "") -> Path:
    """A workflow of somebody else's, with data of its own."""
    (folder / "workflow").mkdir()
    text = IMPORTING.format(
        snakefile=snakefile, prefix=f'    prefix:\n        "{prefix}"\n' if prefix else "", root=f"{prefix}/" if prefix else ""
    )
    (folder / "workflow" / "Snakefile").write_text(text)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    shutil.copytree(imported / "data", folder / "data")
    return folder


def recorded(folder: Path) -> dict:
    return json.loads((folder / "params.json").read_text())


@pytest.mark.parametrize("prefix", ["", "ct"], ids=["no prefix", "prefix"])
def test_an_importing_workflow_runs_it_in_its_own_directory(tmp_path, imported, prefix):
    outside = importing(tmp_path, imported, f'"{imported}/workflow/Snakefile"', prefix)
    done = snakemake("--cores", "1", cwd=outside, root=outside)
    assert done.returncode == 0, done.stdout + done.stderr
    assert jobs(cwd=outside, root=outside) == []
    results = outside / prefix / "results"
    assert {path.name for path in outside.iterdir()} == {".snakemake", "config.yaml", "data", "own.txt", "workflow", prefix or "results"}
    assert {path.name for path in results.iterdir()} == {"folder", "scene"}
    # what is no input or output moves along: Snakemake knows nothing of it
    root = results.relative_to(outside)
    trained = recorded(results / "folder" / "velocity" / "9")
    assert trained["checkpoint"].startswith(f"{root}/folder/checkpoints/velocity_9.")
    assert trained["board"] == f"{root}/folder/tensorboard/velocity_9"
    assert recorded(results / "folder" / "prepared" / "forward")["folder"] == "data"
    for stage in ("prepared/forward", "evaluation"):
        assert recorded(results / "scene" / stage)["folder"] == f"{root}/scene/simulated"
    behind = recorded(results / "scene" / "report")["jobs"]
    assert {"simulate", "velocity_9", "export_t0.5000", "analyse_t0.5000", "evaluate"} <= set(behind)
    assert all((outside / file).is_file() for file in behind.values())


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The package as pip installs it: a copy without the rest of the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    for name in ("xct4d", "config"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.npy"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-index", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", str(folder / "packages"), str(source)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "packages"


def test_the_installed_package_has_its_types_and_every_module(installed):
    assert (installed / "xct4d" / "py.typed").is_file()
    assert (installed / "xct4d" / "__init__.pyi").is_file()
    modules = {path.relative_to(ROOT) for path in (ROOT / "xct4d").rglob("*.py")}
    assert {path.relative_to(installed) for path in (installed / "xct4d").rglob("*.py")} == modules


def test_the_installed_package_has_the_templates_of_the_report(installed):
    templates = {path.relative_to(ROOT) for path in (ROOT / "xct4d/report/page/templates").iterdir()}
    assert Path("xct4d/report/page/templates/report.html") in templates
    assert {path.relative_to(installed) for path in (installed / "xct4d/report/page/templates").iterdir()} == templates


def test_the_installed_package_opens_a_result_from_any_directory(installed, tmp_path):
    code = "import sys, xct4d; print(xct4d.__file__, xct4d.__version__, 'torch' in sys.modules)\nxct4d.open('nothing')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [str(installed / "xct4d" / "__init__.py"), VERSION, "False"]
    assert done.stderr.splitlines()[-1].startswith("xct4d.errors.InputError: nothing: does not exist")


def test_a_workflow_fetched_from_a_repository_uses_the_installed_package(tmp_path, imported, installed):
    """As by the workflow catalogue: Snakemake fetches single files, and no package lies beside them; the scenes come with the package."""
    git = ["git", "-C", str(imported), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (imported / ".gitignore").write_text("__pycache__\n.snakemake\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True)
    outside = importing(tmp_path, imported, f'gitfile("{imported}", path="workflow/Snakefile", tag="v1")')
    # the trigger `code` fails in Snakemake 9.27 where scripts lie in a local repository
    listed = jobs("--rerun-triggers", "mtime", "params", cwd=outside, root=outside, PYTHONPATH=str(installed))
    assert {"folder: velocity 9", "scene: simulate", "scene: report"} <= set(listed)
