"""YAML and JSON as plain trees, where a key given twice or nesting without end is a mistake.

The parsers themselves take the last of two equal keys without a word, and let
an anchor refer to what it is part of.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

DEEPEST = 64  # levels of nesting
_TOO_DEEP = f"nested more than {DEEPEST} levels deep; does an anchor refer to what it is part of?"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
