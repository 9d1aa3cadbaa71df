"""One source file as the digest of an output's code sees it: its code without comments and docstrings, and what it imports.

To parse the whole library takes seconds, and every command and every job on a
cluster asks for it. What was found is therefore stored beside the package's
compiled modules, by the digest of each file's bytes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class SourceCode:
    """What one file contains."""

    digest: str  # 64 hexadecimal digits: the code without comments, docstrings and formatting
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]  # of each statement: dots before the module, module, names taken from it


def parsed(text: bytes, name: str) -> SourceCode:
    """What a file of these bytes contains; name: in the error. Raises SyntaxError where it is not Python."""
    tree = ast.parse(text, filename=name)
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        elif isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
    return SourceCode(hashlib.sha256(repr(plain(tree)).encode()).hexdigest(), tuple(imports))


def plain(node: object) -> object:
    """A syntax tree as nested tuples: the same in every version of Python, which add fields and differ in how ast.dump shows empty ones."""
    if isinstance(node, ast.AST):
        fields = ((name, plain(value)) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return (type(node).__name__, *fields)
    return tuple(map(plain, node)) if isinstance(node, list) else node


class Store:
    """What is known of source files, in a file that may be missing, damaged or impossible to write."""

    def __init__(self, file: Path):
        self._file, self._known, self._is_new = file, {}, False
        self._parser = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()  # what another version found does not count
        with suppress(OSError, ValueError, KeyError, TypeError):
            digest, _, content = file.read_text().partition("\n")
            record = json.loads(content)
            if hashlib.sha256(content.encode()).hexdigest() == digest and record["parser"] == self._parser:
                self._known = record["files"]

    def of(self, path: Path) -> SourceCode:
        """What a file contains. Raises SyntaxError where it is not Python."""
        text = path.read_bytes()
        key = hashlib.sha256(text).hexdigest()
        if key not in self._known:
            found = parsed(text, str(path))
            self._known[key], self._is_new = [found.digest, found.imports], True
        digest, imports = self._known[key]
        return SourceCode(digest, tuple((level, module, tuple(names)) for level, module, names in imports))

    def save(self) -> None:
        """Write what was not known before."""
        if not self._is_new:
            return
        content = json.dumps({"parser": self._parser, "files": self._known})
        temporary = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a folder that cannot be written costs the next command its time, nothing else
            self._file.parent.mkdir(exist_ok=True)
            temporary.write_text(f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}")
            temporary.replace(self._file)
        self._is_new = False


@cache
def store(package: Path) -> Store:
    """What is known of the modules of a package and of the scripts beside it."""
    return Store(package / "__pycache__" / "source_code.json")
