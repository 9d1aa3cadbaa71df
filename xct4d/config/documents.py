"""The configuration as documents for people and editors: YAML with every key explained, and a JSON schema."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import yaml

from xct4d.config.base import NAME, Section, section_of
from xct4d.config.whole import Config

HEAD = """\
Every key, its default and its meaning. Made by `python -m xct4d.config_files`
from the models in xct4d/config; to change a value, set it in a configuration
of your own, which needs only what differs from this. A key behind a # (#folder:)
is not there by default.
"""


def default_yaml() -> str:
    """Text of config/default.yaml. Keys without a default are shown behind a #: without it, the text is YAML with every key."""
    lines = [f"# {line}" for line in HEAD.splitlines()]
    lines += [
        "",
        "# datasets: name -> its input, and whatever it overrides of the sections below",
        "datasets:",
        "  my_dataset:",
        "    input:",
    ]
    lines += ["      folder: path/to/my_dataset", "", "# Sections at this level hold for every dataset."]
    lines += section_lines(Config)
    return "\n".join(lines) + "\n"


def section_lines(model: type[Section]) -> list[str]:
    """YAML lines with every key of a section and of those within it, its meaning above it, its default behind it."""
    return _section(model, {}, 0)


def schema_json() -> str:
    """Text of config/schema.json (JSON Schema 2020-12)."""
    schema = Config.model_json_schema()
    sections = schema.pop("properties")
    definitions = schema.pop("$defs")
    # shared sections need not be complete: a dataset may bring the rest
    definitions["Dataset"] = {
        "type": "object",
        "additionalProperties": False,
        "description": "input of one dataset, and its overrides of the other sections",
        "properties": sections,
    }
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "xct4d configuration",
        "type": "object",
        "additionalProperties": False,
        "required": ["datasets"],
        "properties": {
            "datasets": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": f"^{NAME}$"},
                "additionalProperties": {"$ref": "#/$defs/Dataset"},
            },
            **sections,
        },
        "$defs": definitions,
    }
    return json.dumps(whole, indent=1) + "\n"


def _section(model: type[Section], defaults: dict[str, Any], depth: int, *, off: bool = False) -> list[str]:
    """Lines of one section.

    defaults: values that stand in for the model's own (a parent may set
    others). off: a section that by default is not there; its keys are behind a #.
    """
    lines: list[str] = []
    indent = "  " * depth
    for key, field in model.model_fields.items():
        if depth == 0:
            lines.append("")
        example = (field.examples or [None])[0]
        default = example if field.is_required() else field.get_default(call_default_factory=True)
        default = defaults.get(key, default)
        inner: type[Section] | None = section_of(field.annotation)
        mark = "#" if off or default is None or (inner is not None and default == []) else ""
        if inner is not None and _is_section(field.annotation):
            values = dict(default) if default is not None else {}
            absent = off or (bool(values) and all(value is None for value in values.values()))  # a key with nothing below it would be null
            lines += [
                *_comment(field.description or (inner.__doc__ or "").strip().split("\n\n")[0], indent),
                f"{indent}{'#' if absent else ''}{key}:",
            ]
            lines += _section(inner, values, depth + 1, off=absent)
            continue
        lines += _comment(field.description, indent)
        lines.append(f"{indent}{mark}{key}:" + ("" if default is None or inner is not None else f" {_flow(default)}"))
        if inner is not None and isinstance(default, list):
            # one more, with a line for each key: what the keys of all mean
            lines += [*(f"{indent}  - {_flow(item.model_dump(mode='json', exclude_none=True))}" for item in default), f"{indent}  #-"]
            lines += _section(inner, {}, depth + 2, off=True)
        elif inner is not None:
            lines += _section(inner, example or {}, depth + 1, off=True)
    return lines


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip()


def _comment(description: str | None, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(" ".join((description or "").split()), 100)]
