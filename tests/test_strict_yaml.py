"""Files of keys and values in which nothing is taken silently."""

import json

import pytest

from xct4d.strict_yaml import parse_json, parse_yaml

BOTH = pytest.mark.parametrize("parse", [parse_yaml, parse_json])


@BOTH
def test_what_is_sound_is_read_as_ever(parse):
    tree = {"a": [1, 2.5, {"b": None}], "c": {"b": "text", "d": True}, "e": {}}
    assert parse(json.dumps(tree)) == tree


def test_anchors_may_be_shared_and_merged():
    assert parse_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: [*a, *a]") == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": [{"x": 1, "y": 2}] * 2}
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


@pytest.mark.parametrize("text", ["a: [1", "a: !!python/object:os.system {}", "a: 2026-13-45", "\t", "a: b: c", "{? [1]: 2}", "a: 1\n---\na: 2"])
def test_every_mistake_is_one_line(text):
    with pytest.raises(ValueError, match=".") as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)
