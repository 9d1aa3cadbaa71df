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
    below = {"face": {"cpu", "cuda", "shared", "dispatch"}, "dispatch": {"shared"}} | {
        room: {room, "shared"} for room in ("cpu", "cuda", "reference", "shared")
    }
    for path in FOLDER.rglob("*.py"):
        room = path.parent.name if path.parent != FOLDER else "dispatch" if path.stem == "dispatch" else "face"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("xct4d.kernels."):
                assert node.module.split(".")[2] in below[room], f"{path.relative_to(FOLDER)} imports {node.module}"


def decorated(tree, *names):
    """Functions with a decorator of one of these names, and the source of that decorator."""
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for decorator in map(ast.unparse, function.decorator_list):
            if decorator.split("(")[0] in names:
                yield function.name, decorator


def test_raw_kernels_begin_with_an_underscore():
    """And nothing else that is compiled does: it is called by kernels."""
    found = 0
    for path in [*FOLDER.glob("cpu/*.py"), *FOLDER.glob("cuda/*.py"), *FOLDER.glob("shared/*.py")]:
        for name, decorator in decorated(ast.parse(path.read_text()), "numba.njit", "kernel", "scalar"):
            raw = decorator == "kernel" or "cache=True" in decorator
            assert name.startswith("_") == raw, f"{path.relative_to(FOLDER)}: {name}"
            found += raw
    assert found > 20
