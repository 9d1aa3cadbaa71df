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

DEEPEST = 64  # levels of nesting
_TOO_DEEP = f"nested more than {DEEPEST} levels deep; does an anchor refer to what it is part of?"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_mapping(path: str | Path) -> dict:
    """The mapping in a YAML or JSON file. Raises InputError where there is none."""
    path = Path(path)
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


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise ValueError(f"key {key} is given twice; remove one")
        out[key] = value
    return out


def _shallow(tree: Any, depth: int = 1) -> Any:
    """The tree itself. Raises ValueError where it is too deep."""
    if isinstance(tree, (dict, list)):
        if depth > DEEPEST:
            raise ValueError(_TOO_DEEP)
        for inner in tree.values() if isinstance(tree, dict) else tree:
            _shallow(inner, depth + 1)
    return tree
