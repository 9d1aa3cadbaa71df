"""YAML and JSON files as plain trees, where a key given twice or nesting without end is a mistake.

The parsers themselves take the last of two equal keys without a word, and let
an anchor refer to what it is part of.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from xct4d.errors import InputError
from xct4d.io.paths import refuse_special

DEEPEST = 64  # levels of nesting
MOST_REPEATED = 100_000  # values that aliases stand for, beyond those that are written out
_TOO_DEEP = f"nested more than {DEEPEST} levels deep; does an anchor refer to what it is part of?"
_TOO_MANY = f"aliases (*name) repeat more than {MOST_REPEATED} values; write out what is meant"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_mapping(path: str | Path) -> dict:
    """The mapping in a YAML or JSON file. Raises InputError where there is none."""
    path = Path(path)
    refuse_special(path, path)
    kind, parse = ("JSON", parse_json) if path.suffix.lower() == ".json" else ("YAML", parse_yaml)
    try:
        tree = parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, fix="check the path") from None
    except ValueError as error:
        raise InputError(f"is not valid {kind} ({error})", where=path) from None
    if not isinstance(tree, dict):
        raise InputError("must map keys to values", where=path)
    return tree


def parse_yaml(text: str) -> Any:
    """The tree in a YAML text. Raises ValueError, in one line, where it is not valid."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _refuse_doubled_keys(root)
        _count_merged(root)
        return _shallow(loader.construct_document(root))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    finally:
        loader.dispose()


def parse_json(text: str) -> Any:
    """The tree in a JSON text. Raises ValueError, in one line, where it is not valid."""
    try:
        return _shallow(json.loads(text, object_pairs_hook=_distinct))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def _refuse_doubled_keys(root: yaml.Node) -> None:
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
            continue
        keys = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise ValueError(f"key {key.value} is given twice, line {key.start_mark.line + 1}; remove one")
                keys.add(key.value)
            nodes.append(value)


def _count_merged(root: yaml.Node) -> None:
    """Raises ValueError where merging (<<) would copy far more keys than are written; the parser copies them one by one."""
    counted: dict[int, int] = {}

    def keys_of(node: yaml.Node) -> int:
        if isinstance(node, yaml.SequenceNode):  # <<: [*a, *b]
            return sum(map(keys_of, node.value))
        if not isinstance(node, yaml.MappingNode):
            return 0
        if id(node) not in counted:
            merged = [value for key, value in node.value if key.tag == "tag:yaml.org,2002:merge"]
            counted[id(node)] = len(node.value) + sum(map(keys_of, merged))
            if counted[id(node)] > len(node.value) + MOST_REPEATED:
                raise ValueError(_TOO_MANY)
        return counted[id(node)]

    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) not in seen and not isinstance(node, yaml.ScalarNode):
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                keys_of(node)
            nodes += node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in node.value]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise ValueError(f"key {key} is given twice; remove one")
        out[key] = value
    return out


def _shallow(tree: Any) -> Any:
    """The tree itself. Raises ValueError where it is too deep, or aliases make far more of it than is written."""
    measured: dict[int, tuple[int, int]] = {}  # levels and values below, aliases written out, of each mapping and list
    _, values = _measure(tree, measured, 1)
    written = sum(len(node) for node in _containers(tree)) + 1
    if values - written > MOST_REPEATED:
        raise ValueError(_TOO_MANY)
    return tree


def _measure(tree: Any, measured: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    """(levels, values) of a tree; each shared part is looked at once."""
    if not isinstance(tree, (dict, list)):
        return 0, 1
    if depth > DEEPEST:
        raise ValueError(_TOO_DEEP)
    if id(tree) not in measured:
        inner = [_measure(each, measured, depth + 1) for each in (tree.values() if isinstance(tree, dict) else tree)]
        measured[id(tree)] = 1 + max((levels for levels, _ in inner), default=0), 1 + sum(values for _, values in inner)
    levels, values = measured[id(tree)]
    if depth - 1 + levels > DEEPEST:
        raise ValueError(_TOO_DEEP)
    return levels, values


def _containers(tree: Any) -> list:
    """Every mapping and list of a tree, each once."""
    found, waiting = {}, [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (dict, list)) and id(node) not in found:
            found[id(node)] = node
            waiting += node.values() if isinstance(node, dict) else node
    return list(found.values())
