"""YAML that says one thing twice, or nothing."""

from __future__ import annotations

import pytest

from workflow import snakemake
from xct4d import strict_yaml
from xct4d.errors import InputError


def test_what_yaml_means(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("base: &base {a: 1, b: 2}\nown: {<<: *base, b: 3}\nother: {<<: *base}\nlist: [{a: 1}, {a: 1}]\n1: x\n'1': y\n")
    assert strict_yaml.load(path) == {
        "base": {"a": 1, "b": 2}, "own": {"a": 1, "b": 3}, "other": {"a": 1, "b": 2}, "list": [{"a": 1}, {"a": 1}], 1: "x", "1": "y"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "c.yaml: line 5: the key c stands in line 3 already; remove one of the two"),
        ("- {x: 1, x: 2}\n", "c.yaml: line 1: the key x stands in line 1 already"),
        ("a: [1, 2\nb: 3\n", "c.yaml: is not valid YAML (line 2, column 2: "),
        ("a: !!python/object/apply:os.getcwd []\n", "c.yaml: is not valid YAML (line 1, column 4: could not determine a constructor"),
        ("a: \x00\n", "c.yaml: cannot be read (unacceptable character"),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, text, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        strict_yaml.load("c.yaml")
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"lost\.yaml: no such file"):
        strict_yaml.load(tmp_path / "lost.yaml")


def test_the_workflow_refuses_a_key_given_twice(tmp_path):
    (tmp_path / "c.yaml").write_text("datasets:\n  d: {input: {scene: tiny}}\ncanonical: {steps: 3}\ncanonical: {rays: 3}\n")
    done = snakemake("--dry-run", "--configfile", "c.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == "c.yaml: line 4: the key canonical stands in line 3 already; remove one of the two"
