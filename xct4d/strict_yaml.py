"""YAML files as plain values, without what YAML lets pass: a key that a mapping holds twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from xct4d.errors import InputError


def load(path: str | Path) -> Any:
    """The values in a YAML file, by the safe loader.

    Raises InputError where the file cannot be read, is not YAML, or a mapping
    in it holds a key twice: YAML's own reading would keep the second silently.
    """
    try:
        with open(path, "rb") as file:
            return yaml.load(file, _Loader)
    except _SecondKey as error:
        line, first = error.node.start_mark.line + 1, error.first.start_mark.line + 1
        raise InputError(f"the key {error.node.value} stands in line {first} already", where=f"{path}: line {line}", fix="remove one of the two") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1}: {error.problem or error.context})" if mark is not None else ""
        raise InputError(f"is not valid YAML{place}", where=path) from None
    except FileNotFoundError:
        raise InputError("no such file", where=path) from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"cannot be read ({error})", where=path) from None


class _SecondKey(Exception):
    def __init__(self, node: yaml.ScalarNode, first: yaml.ScalarNode):
        self.node = node
        self.first = first


class _Loader(yaml.SafeLoader):
    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        # here, not where values are made: by then merge keys (<<) have brought in others' keys
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (first := seen.setdefault((key.tag, key.value), key)) is not key:
                raise _SecondKey(key, first)
        return node
