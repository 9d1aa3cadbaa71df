"""The floors of the library, as docs/architecture.md has them: imports run downwards, without circles."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest

from workflow import ROOT

PACKAGE = ROOT / "xct4d"
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in sorted(PACKAGE.rglob("*.py"))}


def floors() -> dict[str, int]:
    """Floor of each package or module directly below xct4d, from the page's table."""
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", (ROOT / "docs" / "architecture.md").read_text(), flags=re.MULTILINE)
    return {name: int(floor) for floor, names in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", names)}


def imported(module: str) -> set[str]:
    """The library's modules that one module imports anywhere: at its top, inside functions and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            found |= {name if (name := f"{node.module}.{alias.name}") in MODULES else str(node.module) for alias in node.names}
    return {name for name in found if name in MODULES} - {module}


IMPORTS = {module: imported(module) for module in MODULES}


def top(module: str) -> str:
    """The package or module directly below xct4d that a module is in."""
    return f"{module}.".split(".")[1]


def assert_no_circle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' imports '.join(reversed(error.args[1]))}")


def test_the_page_names_every_room():
    present = {top(module) for module in MODULES} - {""}
    assert set(floors()) == present


def test_imports_run_downwards_or_stay_on_their_floor():
    floor = floors()
    up = [
        f"{module} (floor {floor[top(module)]}) imports {name} (floor {floor[top(name)]})"
        for module, names in IMPORTS.items()
        for name in names
        if top(module) and top(name) and floor[top(name)] > floor[top(module)]
    ]
    assert not up


def test_no_module_imports_itself_by_way_of_others():
    assert sum(map(len, IMPORTS.values())) > 500
    assert_no_circle(IMPORTS)


def test_no_package_imports_itself_by_way_of_others():
    packages: dict[str, set[str]] = {}
    for module, names in IMPORTS.items():
        packages.setdefault(top(module), set()).update(map(top, names))
    assert_no_circle({package: names - {package, ""} for package, names in packages.items() if package})


def test_every_package_says_what_it_is():
    packages = [module for module, path in MODULES.items() if path.name == "__init__.py"]
    assert not [package for package in packages if not ast.get_docstring(ast.parse(MODULES[package].read_text()))]


def test_functions_have_at_most_60_lines():
    long = [
        f"{module}.{node.name}: {lines}"
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and (lines := node.end_lineno - node.lineno + 1) > 60
    ]
    assert not long
