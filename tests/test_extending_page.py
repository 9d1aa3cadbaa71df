"""The worked examples of docs/extending.md, all made in a copy of this checkout: they apply, pass their tests and touch the files that are said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lent_kernels import lend

from workflow import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = {"config/default.yaml", "config/schema.json"}
# what the examples bring along, and what they could break
TESTS = (
    "tests/readers/test_stack.py",
    "tests/fields/test_mixers.py",
    "tests/training/test_acceleration.py",
    "tests/analysis/test_speed.py",
    "tests/stages/test_profile.py",
    "tests/test_config_files.py",
    "tests/test_floors.py",
    "tests/workflow/test_workflow_style.py::test_a_rule_keeps_to_the_table_of_stages[profile]",
    "tests/workflow/test_workflow_style.py::test_jobs_read_what_the_table_says",
)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """(kind, file, content) of each block of a part of the page."""
    found = []
    for kind, block in BLOCK.findall(text):
        first, _, content = block.partition("\n")
        found.append((kind, first.removeprefix("--- " if kind == "diff" else "# "), content))
    return found


def apply(root: Path, kind: str, file: str, content: str) -> None:
    path = root / file
    if kind != "diff":
        assert not path.exists(), file
        path.write_text(content)
        return
    lines = content.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in marks) for marks in (" -", " +"))
    assert old, f"{file}: a change needs a line that is there"
    text = path.read_text()
    assert text.count(old) == 1, f"{file}: {text.count(old)} places for\n{old}"
    path.write_text(text.replace(old, new))


def run(root: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-m", *command], check=False, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of this checkout with all examples."""
    root = tmp_path_factory.mktemp("extended")
    for name in ("xct4d", "config", "workflow", "tests", "docs", "slurm"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.npy"))
    for name in ("pyproject.toml", ".snakemake-workflow-catalog.yml"):
        shutil.copyfile(ROOT / name, root / name)
    for block in blocks(PAGE):
        apply(root, *block)
    run(root, "xct4d.config_files")
    lend(root)
    return root


def test_the_examples_pass_their_tests_and_break_none(extended):
    passed = run(extended, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *TESTS)
    assert " skipped" not in passed


def test_the_examples_keep_to_the_style(extended):
    python = sorted({file for _, file, _ in blocks(PAGE) if file.endswith(".py")})
    run(extended, "ruff", "check", "--no-cache", *python)
    run(extended, "ruff", "format", "--no-cache", "--check", *python)
    run(extended, "snakefmt", "--check", "workflow")


def test_the_page_counts_its_files(extended):
    sections = re.findall(r"^## .*?\((\d+) files\)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(sections) == 5
    for said, text in sections:
        assert len({file for _, file, _ in blocks(text)}) == int(said), text.splitlines()[1]
    changed = {
        path.relative_to(extended).as_posix()
        for path in extended.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and ".snakemake" not in path.parts
        and not ((ROOT / path.relative_to(extended)).is_file() and (ROOT / path.relative_to(extended)).read_bytes() == path.read_bytes())
    }
    assert changed == {file for _, file, _ in blocks(PAGE)} | GENERATED
