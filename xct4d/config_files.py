"""The files made from the configuration models: `python -m xct4d.config_files` writes them.

config/default.yaml shows every key with its default and meaning, and
config/scene.yaml those of a scene; config/schema.json lets an editor check and
complete a configuration.
"""

from __future__ import annotations

from pathlib import Path

from xct4d.config.documents import default_yaml, schema_json, section_lines
from xct4d.phantom.scenes import Scene

SCENE_HEAD = """\
Every key of a scene, its default and its meaning; those without a default have
an example. Made by `python -m xct4d.config_files` from the models in
xct4d/phantom/scenes.py. What an object and a motion may be: scenes/README.md.
"""


def scene_yaml() -> str:
    """Text of config/scene.yaml, itself a scene. Keys that may be left out, and have no default, are shown behind a #."""
    return "\n".join([*(f"# {line}" for line in SCENE_HEAD.splitlines()), *section_lines(Scene)]) + "\n"


def main(folder: Path = Path("config")) -> None:
    (folder / "default.yaml").write_text(default_yaml())
    (folder / "scene.yaml").write_text(scene_yaml())
    (folder / "schema.json").write_text(schema_json())


if __name__ == "__main__":
    main()
