"""The files made from the configuration models: `python -m xct4d.config_files` writes them.

config/default.yaml shows every key with its default and meaning, and
config/scene.yaml those of a scene; config/schema.json lets an editor check and
complete a configuration.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import yaml

from xct4d.config import NAME, Config, Section, section_of
from xct4d.phantom.scenes import Scene

HEAD = """\
Every key, its default and its meaning. Made by `python -m xct4d.config_files`
from the models in xct4d/config.py; to change a value, set it in a configuration
of your own, which needs only what differs from this. A key behind a # (#folder:)
is not there by default.
"""


def default_yaml() -> str:
    """Text of config/default.yaml. Keys without a default are shown behind a #: without it, the text is YAML with every key."""
    lines = [f"# {line}" for line in HEAD.splitlines()]
    lines += ["", "# datasets: name -> its input, and whatever it overrides of the sections below", "datasets:", "  my_dataset:", "    input:"]
    lines += ["      folder: path/to/my_dataset", "", "# Sections at this level hold for every dataset."]
    lines += _section(Config, {}, 0)
    return "\n".join(lines) + "\n"


SCENE_HEAD = """\
Every key of a scene, its default and its meaning; those without a default have
an example. Made by `python -m xct4d.config_files` from the models in
xct4d/phantom/scenes.py. What an object and a motion may be: scenes/README.md.
"""


def scene_yaml() -> str:
    """Text of config/scene.yaml, itself a scene. Keys that may be left out, and have no default, are shown behind a #."""
    return "\n".join([*(f"# {line}" for line in SCENE_HEAD.splitlines()), *_section(Scene, {}, 0)]) + "\n"


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
        inner, mark = section_of(field.annotation), "#" if off or default is None else ""
        if inner is field.annotation:
            lines += [*_comment(field.description or inner.__doc__.strip().split("\n\n")[0], indent), f"{indent}{'#' if off else ''}{key}:"]
            lines += _section(inner, dict(default) if default is not None else {}, depth + 1, off=off)
            continue
        lines += _comment(field.description, indent)
        lines.append(f"{indent}{mark}{key}:" + ("" if default is None or _is_list_of_sections(default) else f" {_flow(default)}"))
        if _is_list_of_sections(default):
            # one more, with a line for each key: what the keys of all mean
            lines += [*(f"{indent}  - {_flow(item.model_dump(mode='json'))}" for item in default), f"{indent}  #-"]
            lines += _section(inner, {}, depth + 2, off=True)
        elif inner is not None:
            lines += _section(inner, example or {}, depth + 1, off=True)
    return lines


def _is_list_of_sections(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Section)


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip()


def _comment(description: str | None, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in textwrap.wrap(" ".join((description or "").split()), 100)]


def main(folder: Path = Path("config")) -> None:
    (folder / "default.yaml").write_text(default_yaml())
    (folder / "scene.yaml").write_text(scene_yaml())
    (folder / "schema.json").write_text(schema_json())


if __name__ == "__main__":
    main()
