"""The generated configuration files are current, complete and true."""

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from xct4d.config import Config, resolve, section_of
from xct4d.config.documents import default_yaml, schema_json
from xct4d.config_files import scene_yaml
from xct4d.phantom.scenes import Scene, load_scene

CONFIG = Path(__file__).parents[1] / "config"
SHIPPED = sorted(path for path in CONFIG.glob("*.yaml") if path.name != "scene.yaml")


@pytest.mark.parametrize(("name", "text"), [("default.yaml", default_yaml), ("scene.yaml", scene_yaml), ("schema.json", schema_json)])
def test_files_are_current(name, text):
    assert (CONFIG / name).read_text() == text(), "run python -m xct4d.config_files"


def test_default_file_means_the_defaults():
    (config,) = resolve(yaml.safe_load(default_yaml())).values()
    assert config == Config(input=config.input)


def test_scene_file_is_a_scene_of_the_defaults():
    scene = load_scene(CONFIG / "scene.yaml").scene
    given = {key: scene.model_dump()[key] for key in ("object", "times")}
    assert scene == Scene(**given, views={"ends": {"azimuths": 64}, "between": {"azimuths": 2}})


@pytest.mark.parametrize(("root", "text"), [(Config, default_yaml), (Scene, scene_yaml)])
def test_files_name_and_explain_every_key(root, text):
    """By the whole path of each key: those of the volumes, of the truth and of a level are other sections' too."""
    lines = [re.sub(r"^( *)#(?=[\w-])", r"\1", line) for line in text().splitlines()]
    comments = " ".join(line.lstrip("# ") for line in lines if line.lstrip().startswith("#"))

    def check(model, tree, path):
        for key, field in model.model_fields.items():
            where = f"{path}.{key}"
            assert key in tree, where
            inner = section_of(field.annotation)
            meaning = field.description or inner.__doc__
            assert " ".join(meaning.split())[:40] in comments, f"{where} is not explained"
            if inner is not None:
                held = tree[key][-1] if isinstance(tree[key], list) else tree[key]
                assert isinstance(held, dict), where
                check(inner, held, where)

    check(root, yaml.safe_load("\n".join(lines)), "")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configurations_fit_the_models_and_the_schema(path):
    tree = yaml.safe_load(path.read_text())
    assert resolve(tree)
    jsonschema.validate(tree, yaml.safe_load(schema_json()))


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"datasets": {}},
        {"datasets": {"a": {"input": {"scene": "balls"}}}, "canonnical": {}},
        {"datasets": {"a": {"input": {"scene": "balls"}, "export": {"times": [2.0]}}}},
        {"datasets": {"a b": {"input": {"scene": "balls"}}}},
    ],
)
def test_schema_refuses_what_the_models_refuse(tree):
    with pytest.raises(Exception, match=r"datasets|canonnical|times|name"):
        resolve(tree)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, yaml.safe_load(schema_json()))
