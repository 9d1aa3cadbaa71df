"""Files of keys and values in which nothing is taken silently."""

import json

import pytest

from workflow import snakemake
from xct4d.errors import InputError
from xct4d.io.mapping_files import parse_json, parse_yaml, read_mapping

BOTH = pytest.mark.parametrize("parse", [parse_yaml, parse_json])


@BOTH
def test_what_is_sound_is_read_as_ever(parse):
    tree = {"a": [1, 2.5, {"b": None}], "c": {"b": "text", "d": True}, "e": {}}
    assert parse(json.dumps(tree)) == tree


def test_anchors_may_be_shared_and_merged():
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: [*a, *a]") == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 3, "y": 2},
        "c": [{"x": 1, "y": 2}] * 2,
    }
    assert parse_yaml("") is None


@BOTH
def test_a_key_given_twice_is_refused(parse):
    with pytest.raises(ValueError, match="^key times is given twice"):
        parse('{"a": [{"times": 3, "views": {}, "times": 4}]}')
    with pytest.raises(ValueError, match=r"line 3; remove one$"):
        parse_yaml("times: 3\nviews: {}\ntimes: 4\n")


@BOTH
@pytest.mark.parametrize("depth", [70, 400, 100_000])
def test_what_is_nested_too_deep_is_refused(parse, depth):
    with pytest.raises(ValueError, match=r"nested|depth"):
        parse('{"a": ' * depth + "1" + "}" * depth)


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "a: &a [*a, *a]", "&a {a: *a}"])
def test_an_anchor_without_end_is_refused(text):
    with pytest.raises(ValueError, match="nested more than 64 levels deep; does an anchor"):
        parse_yaml(text)


@pytest.mark.parametrize(
    "text", ["a: [1", "a: !!python/object:os.system {}", "a: 2026-13-45", "\t", "a: b: c", "{? [1]: 2}", "a: 1\n---\na: 2"]
)
def test_every_mistake_is_one_line(text):
    with pytest.raises(ValueError, match=".") as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.yaml", "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "c.yaml: is not valid YAML (key c is given twice, line 5; remove one)"),
        ("c.json", '{"a": 1, "a": 2}', "c.json: is not valid JSON (key a is given twice; remove one)"),
        ("c.yaml", "a: \x00\n", "c.yaml: is not valid YAML (unacceptable character"),
        ("c.yaml", "- a\n", "c.yaml: must map keys to values"),
        ("c.yaml", None, "c.yaml: cannot be read (No such file or directory)"),
    ],
)
def test_a_file_s_complaint_names_it(tmp_path, monkeypatch, name, text, says):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as caught:
        read_mapping(name)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_the_workflow_refuses_a_key_given_twice(tmp_path):
    (tmp_path / "c.yaml").write_text("datasets:\n  d: {input: {scene: tiny}}\ncanonical: {steps: 3}\ncanonical: {rays: 3}\n")
    done = snakemake("--dry-run", "--configfile", "c.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == "c.yaml: is not valid YAML (key canonical is given twice, line 4; remove one)"
