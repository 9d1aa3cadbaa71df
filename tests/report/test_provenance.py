"""Which program made a page."""

import re
import subprocess

import xct4d
from xct4d.report import provenance


def git(folder, *arguments):
    own = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *own, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_checkout_and_changes_are_told(tmp_path, monkeypatch):
    package = tmp_path / "xct4d"
    package.mkdir()
    (tmp_path / "workflow").mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(xct4d, "__file__", str(package / "__init__.py"))
    assert provenance.commit() is None  # no checkout
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    head = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert provenance.commit() == head
    (package / "__init__.py").write_text("x = 1\n")
    assert provenance.commit() == f"{head} with changes"


def test_a_package_in_somebody_else_s_repository_has_no_commit(tmp_path, monkeypatch):
    git(tmp_path, "init", "--quiet")
    inside = tmp_path / "site-packages" / "xct4d"
    inside.mkdir(parents=True)
    monkeypatch.setattr(xct4d, "__file__", str(inside / "__init__.py"))
    assert provenance.commit() is None


def test_date_and_versions_are_named():
    told = dict(provenance.provenance().rows)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d[+-]\d\d:\d\d", told["page written"])
    assert told["xct4d"] == provenance.VERSION
    assert {"torch", "numpy", "zarr"} <= set(told)
