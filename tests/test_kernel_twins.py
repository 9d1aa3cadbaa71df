"""Every function of the kernels has an implementation for CPUs and one for CUDA devices, which take the same and say what they do."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

from xct4d import kernels
from xct4d.kernels.dispatch import Twins

FOLDER = Path(kernels.__file__).parent
FACES = [path.stem for path in sorted(FOLDER.glob("*.py")) if path.stem not in ("__init__", "dispatch")]


def twins(face):
    return {name: value for name, value in vars(import_module(f"xct4d.kernels.{face}")).items() if isinstance(value, Twins)}


@pytest.mark.parametrize("face", FACES)
def test_twins_take_the_same_and_are_documented(face):
    pytest.importorskip("numba.cuda")
    assert twins(face)
    for name, pair in twins(face).items():
        cpu, cuda = pair.cpu, pair.cuda()
        assert (cpu.__module__, cuda.__module__) == (f"xct4d.kernels.cpu.{face}", f"xct4d.kernels.cuda.{face}")
        assert cpu.__name__ == cuda.__name__ == name.lower()
        assert inspect.signature(cpu) == inspect.signature(cuda), name
        assert inspect.getdoc(cpu) and inspect.getdoc(cuda), name


@pytest.mark.parametrize("face", FACES)
def test_public_functions_are_documented_with_shapes(face):
    assert face in kernels.__doc__
    module = import_module(f"xct4d.kernels.{face}")
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isfunction(value):
            assert inspect.getdoc(value), name
            assert "[" in inspect.getsource(value).split('"""')[0] + inspect.getdoc(value), f"{name}: no shape"


def test_imports_run_from_faces_to_implementations_to_what_they_share():
    """No circle: each room imports only from rooms below it."""
    below = {"": {"cpu", "cuda", "shared", "dispatch"}, "dispatch": {"shared"}, "cpu": {"cpu", "shared"}, "cuda": {"cuda", "shared"}, "reference": {"reference", "shared"}, "shared": {"shared"}}
    for path in FOLDER.rglob("*.py"):
        room = path.relative_to(FOLDER).parts[0] if path.parent != FOLDER else {"dispatch": "dispatch"}.get(path.stem, "")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xct4d.kernels."):
                assert node.module.split(".")[2] in below[room], f"{path.relative_to(FOLDER)} imports {node.module}"
