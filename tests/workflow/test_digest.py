"""The digest of a script: moved by code that counts, by nothing else."""

import ast
import shutil
import subprocess

import pytest

from workflow import ROOT
from xct4d.workflow.digest import code_digest, imported_modules
from xct4d.workflow.source_code import Store, plain

FILES = {
    "script.py": "from pathlib import Path\nwith open(Path('x')):\n    from xct4d.stages.export import export\n    export()\n",
    "xct4d/__init__.py": "",
    "xct4d/config/__init__.py": "from xct4d.config.velocity import DEFAULT\n",
    "xct4d/config/velocity.py": "DEFAULT = 1\n",
    "xct4d/stages/__init__.py": "",
    "xct4d/stages/export.py": (
        '"""Doc."""\n\nfrom xct4d.fields import flow\nfrom xct4d.config import DEFAULT\n\n\ndef export():\n    """Doc."""\n    return flow.x\n'
    ),
    "xct4d/stages/other.py": "from xct4d.fields.flow import x\n",
    "xct4d/fields/__init__.py": "",
    "xct4d/fields/flow.py": "from . import deep\nfrom .deep import y as z\nx = z\n",
    "xct4d/fields/deep.py": "y = 1  # why\n",
    "xct4d/fields/templates/page.html": "<p>\n",
    "xct4d/stages/other/templates/page.html": "<p>\n",
}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_are_followed_through_functions_packages_and_relative_names(root):
    assert imported_modules(root / "script.py", root) == [
        "xct4d.fields", "xct4d.fields.deep", "xct4d.fields.flow", "xct4d.stages", "xct4d.stages.export"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "counts"),
    [
        ("xct4d/fields/deep.py", "y = 1", "y = 2", True),  # two imports away
        ("xct4d/stages/export.py", "return flow.x", "return -flow.x", True),
        ("xct4d/fields/__init__.py", "", "import os\n", True),  # runs on import
        ("script.py", "export()\n", "export(1)\n", True),
        ("xct4d/fields/templates/page.html", "<p>", "<b>", True),
        ("xct4d/stages/other/templates/page.html", "<p>", "<b>", False),  # of no package that is imported
        ("xct4d/fields/deep.py", "# why", "# another why", False),
        ("xct4d/stages/export.py", '    """Doc."""', '    """Another doc."""', False),
        ("xct4d/stages/export.py", '    """Doc."""\n', "", False),
        ("xct4d/stages/export.py", "\n\n\ndef", "\n\n\n\n\ndef", False),
        ("xct4d/stages/other.py", "import x", "import y", False),  # nobody imports it
        ("xct4d/config/velocity.py", "DEFAULT = 1", "DEFAULT = 2", False),  # arrives as a value, in the params
    ],
)
def test_what_counts(root, file, old, new, counts):
    before = code_digest(root / "script.py", root)
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1) if old else new)
    assert (code_digest(root / "script.py", root) != before) is counts


def test_every_python_gives_the_same_digest(root):
    """Trees gain fields from version to version, empty where the code is old."""
    tree = ast.parse("def f(x):\n    return x + 1\n")
    argument = ("arg", ("arg", "x"))
    x, one = ("Name", ("id", "x"), ("ctx", ("Load",))), ("Constant", ("value", 1))
    returned = ("Return", ("value", ("BinOp", ("left", x), ("op", ("Add",)), ("right", one))))
    function = ("FunctionDef", ("name", "f"), ("args", ("arguments", ("args", (argument,)))), ("body", (returned,)))
    assert plain(tree) == ("Module", ("body", (function,)))
    others = {code_digest(root / "script.py", root)}
    for python in filter(None, map(shutil.which, ("python3.11", "python3.12", "python3.13", "python3.14"))):
        command = "import sys; from xct4d.workflow.digest import code_digest; print(code_digest(sys.argv[1], sys.argv[2]))"
        found = subprocess.run(
            [python, "-c", command, str(root / "script.py"), str(root)], check=False, cwd=ROOT, capture_output=True, text=True
        )
        others |= {found.stdout.strip()} - {""}  # not every one that is there starts
    assert len(others) == 1


def test_digest_does_not_depend_on_the_place(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "checkout"
    root.rename(elsewhere)
    first = code_digest(elsewhere / "script.py", elsewhere)
    elsewhere.rename(root)
    assert code_digest(root / "script.py", root) == first


def test_what_was_found_is_stored_and_a_damaged_store_counts_for_nothing(root, tmp_path, monkeypatch):
    file, source = tmp_path / "store.json", root / "xct4d/fields/flow.py"
    first = Store(file)
    found = first.of(source)
    first.save()
    assert found.imports == ((1, "", ("deep",)), (1, "deep", ("y",)))
    for damage in (b"", b"{", file.read_bytes().replace(b'"deep"', b'"sham"')):
        (tmp_path / "damaged.json").write_bytes(damage)
        assert Store(tmp_path / "damaged.json").of(source) == found
    monkeypatch.setattr("xct4d.workflow.source_code.parsed", None)  # no file is parsed again
    assert Store(file).of(source) == found


def test_without_a_folder_to_write_to_the_digest_is_the_same(root):
    expected = code_digest(root / "script.py", root)
    shutil.copytree(root, root / "again", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "again/xct4d/__pycache__").write_text("in the way")
    assert code_digest(root / "again/script.py", root / "again") == expected
