"""Modules that do not count in digests compute nothing: without them a stage gives the same bytes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ball_projections import save

from workflow import ROOT
from xct4d import config
from xct4d.io import digests
from xct4d.stages.canonical import canonical
from xct4d.workflow.digest import CANNOT_CHANGE_A_RESULT, PACKAGE, imported_modules, is_excluded

GRID = config.HashGrid(levels=2, log2_size=8, coarsest=4, finest=16, width=8)
SMALL = config.Canonical(steps=21, rays=32, samples=8, grid=GRID, bake=8, evaluate_every=7, checkpoint_every=5)


@contextmanager
def plain_folder(path):
    Path(path).mkdir(parents=True)
    yield Path(path)


@contextmanager
def plain_file(path):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    yield Path(path)


def nothing(*_arguments, **_keywords) -> None:
    pass


# Of each module that runs inside a stage: its functions without what they are for.
STAND_INS: dict[str, dict[str, Callable[..., Any]]] = {
    "xct4d.device": {"sent": lambda array, device: torch.from_numpy(array).to(device), "free_memory": nothing},
    "xct4d.io.digests": {"check_files": nothing, "check_file": nothing, "recorded": lambda path: path.name},
    "xct4d.io.atomic": {"atomic_folder": plain_folder, "atomic_file": plain_file},
    "xct4d.progress": {"say": nothing, "track": lambda *_: nullcontext(SimpleNamespace(advance=nothing))},
    "xct4d.training.inspection.slices": {
        "cube_points": lambda n, device: torch.zeros(n**3, 3),
        "cube_image": lambda _: np.zeros((1, 8, 24)),
    },
}
# The others run around a stage, before or after it; or what they do is counted elsewhere.
OUTSIDE = {"xct4d", "xct4d.allocator", "xct4d.compilation", "xct4d.config", "xct4d.errors", "xct4d.readers.registry", "xct4d.workflow"}


def made(folder: Path, frames: Path) -> dict[str, bytes]:
    canonical(SMALL, frames, folder / "out", folder / "checkpoint", folder / "board")
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir()) if path.name != digests.NAME}


def test_a_stage_gives_the_same_bytes_without_them(tmp_path, monkeypatch):
    frames = save(tmp_path / "prepared", times=[0.0, 0.0], held_out=[False, True])
    expected = made(tmp_path / "with", frames)
    replaced = set()
    for name, functions in STAND_INS.items():
        for function, stand_in in functions.items():
            original = getattr(sys.modules[name], function)
            for module in [module for own, module in sys.modules.items() if own.startswith(f"{PACKAGE}.")]:
                for attribute in [key for key, value in vars(module).items() if value is original]:
                    monkeypatch.setattr(module, attribute, stand_in)
                    replaced.add(name)
    assert replaced == set(STAND_INS)
    assert made(tmp_path / "without", frames) == expected


def test_every_exclusion_has_a_reason_a_file_and_a_check():
    assert set(STAND_INS) | OUTSIDE == set(CANNOT_CHANGE_A_RESULT)
    for name, reason in CANNOT_CHANGE_A_RESULT.items():
        path = ROOT.joinpath(*name.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name
        assert len(reason) > 20, name


def imports(path: Path) -> list[tuple[str, list[str]]]:
    """(module, names) of each `from module import names` in a file."""
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return [(str(node.module), [alias.name for alias in node.names]) for node in found]


COUNTED = [
    path for path in sorted((ROOT / PACKAGE).rglob("*.py"))
    if not is_excluded(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
]  # fmt: skip


def test_the_library_takes_only_modules_from_the_door():
    """So that nothing is computed by code of the door."""
    for path in COUNTED:
        names = [name for module, names in imports(path) if module == PACKAGE for name in names]
        for name in names:
            assert (ROOT / PACKAGE / f"{name}.py").is_file() or (ROOT / PACKAGE / name).is_dir(), f"{path}: {name}"


def test_the_library_does_not_use_the_workflow():
    """But for the commands, which stand above it: no stage imports them."""
    below = [path for path in COUNTED if ROOT / PACKAGE / "commands" not in path.parents]
    assert not [path for path in below for module, _ in imports(path) if f"{module}.".startswith(f"{PACKAGE}.workflow.")]


@pytest.mark.parametrize("script", sorted(path.stem for path in (ROOT / "workflow" / "scripts").glob("*.py")))
def test_a_script_counts_its_stage_and_nothing_excluded(script):
    found = imported_modules(ROOT / "workflow" / "scripts" / f"{script}.py", ROOT)
    assert f"{PACKAGE}.stages.{script}" in found
    assert not [name for name in found if is_excluded(name)]
