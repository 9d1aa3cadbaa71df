"""Digest of the code behind an output: of a script and of the library's modules that it imports.

Snakemake notices neither a change in an imported library nor, reliably, one in
a script. Each rule therefore has this digest among its parameters: when the
code that makes an output changes, that output is made again. Comments,
docstrings and formatting do not count, nor do modules that cannot change a
result.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from xct4d.workflow.source_code import SourceCode, store

PACKAGE = "xct4d"
TEMPLATES = "templates"
# Modules and packages that cannot change a result, each with the reason why. They do not count, and
# what they import does not count on their account. A module that computes does not belong here: the
# tests replace each one by a stand-in that does nothing and compare the results.
CANNOT_CHANGE_A_RESULT = {
    "xct4d": "the public door imports modules when its user asks for them; stages import them by name",
    "xct4d.allocator": "decides where the C library keeps freed memory, not what is in it",
    "xct4d.compilation": "decides where compiled kernels are stored; what they compute stands in the modules that define them",
    "xct4d.config": "sections reach a stage as values, and the values are parameters of its rule; counted as code, a new key "
    "in one section would rerun all stages",
    "xct4d.device": "decides where arrays are computed, as the configuration's device, which reruns nothing either",
    "xct4d.errors": "words a failure, and a failed job has no output",
    "xct4d.io.digests": "refuses damaged files and tells the inputs of a checkpoint apart; it changes nothing in them",
    "xct4d.io.atomic": "lets an output appear whole or not at all, with digests of its files; what is in them is their writer's",
    "xct4d.progress": "prints while a job runs",
    "xct4d.readers.registry": "decides which reader a dataset has, and the rule that prepares it carries the digest of that reader alone",
    "xct4d.training.inspection.slices": "draws pictures for TensorBoard, which are no output of a stage",
    "xct4d.workflow": "surrounds a stage with its log, its number of threads and one-line errors",
}


def code_digest(script: Path, root: Path) -> str:
    """16 hexadecimal digits: the code of a script and of the modules it imports, with the templates that lie in a package.

    script: the Python file. root: the folder that holds the package `xct4d`.
    Imports anywhere in a file count, also inside functions; names computed at
    run time do not. Raises SyntaxError where a file is not Python.
    """
    script, root = Path(script), Path(root)
    total = hashlib.sha256(_code(script, root).digest.encode())
    for module in imported_modules(script, root):
        total.update(f"\n{module} {_code(_path(module, root), root).digest}".encode())
        for template in _templates(module, root):
            total.update(f"\n{template.name} {hashlib.sha256(template.read_bytes()).hexdigest()}".encode())
    store(root / PACKAGE).save()
    return total.hexdigest()[:16]


def imported_modules(script: Path, root: Path) -> list[str]:
    """Dotted names of the library's modules that count in a script's digest, sorted."""
    script, root = Path(script), Path(root)
    found: set[str] = set()
    waiting = list(_imports(script, root, ""))
    while waiting:
        module = waiting.pop()
        if module not in found and not is_excluded(module):
            found.add(module)
            waiting.extend(_imports(_path(module, root), root, module))
    return sorted(found)


def is_excluded(module: str) -> bool:
    """Whether a module, or a package that it is in, is one of CANNOT_CHANGE_A_RESULT."""
    packages = [name for name in CANNOT_CHANGE_A_RESULT if name != PACKAGE]
    return module == PACKAGE or any(module == name or module.startswith(f"{name}.") for name in packages)


def _code(path: Path, root: Path) -> SourceCode:
    # read once a process: most scripts import the same modules
    return _read(path, path.stat().st_mtime_ns, root)


@cache
def _read(path: Path, _changed: int, root: Path) -> SourceCode:
    return store(root / PACKAGE).of(path)


def _imports(path: Path, root: Path, module: str) -> frozenset[str]:
    """Modules of the package that one file imports, their parent packages included; worked out once, until the file changes."""
    return _imports_read(path, path.stat().st_mtime_ns, root, module)


@cache
def _imports_read(path: Path, _changed: int, root: Path, module: str) -> frozenset[str]:
    package = module if _is_package(module, root) else module.rpartition(".")[0]
    named = set()
    for level, written, names in _code(path, root).imports:
        base = written
        if level:
            parts = package.split(".")
            anchor = parts[: len(parts) - level + 1]
            base = ".".join([*anchor, written] if written else anchor)
        for name in [base, *(f"{base}.{name}" for name in names)]:
            parts = name.split(".")
            if parts[0] == PACKAGE:
                named |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return frozenset(name for name in named if _file(name, root) is not None)


def _is_package(module: str, root: Path) -> bool:
    return bool(module) and root.joinpath(*module.split("."), "__init__.py").is_file()


def _templates(module: str, root: Path) -> list[Path]:
    """Files in the folder `templates` of a package."""
    folder = root.joinpath(*module.split("."), TEMPLATES)
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _path(module: str, root: Path) -> Path:
    """The file of a module that exists."""
    path = _file(module, root)
    assert path is not None, module
    return path


def _file(module: str, root: Path) -> Path | None:
    """The file of a module, None where the name is something inside one."""
    base = os.path.join(root, *module.split("."))  # asked ten thousand times a command: a Path costs ten times as much
    return next((Path(path) for path in (f"{base}/__init__.py", f"{base}.py") if os.path.isfile(path)), None)
