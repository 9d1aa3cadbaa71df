"""docs/from_neural_xray.md: its keys exist and its configurations are valid."""

import re

import yaml

from workflow import ROOT
from xct4d.config import Config, resolve, section_of

TEXT = (ROOT / "docs" / "from_neural_xray.md").read_text()


def test_its_keys_exist():
    named = set(re.findall(r"`((?:input|prepare|canonical|velocity|mixing|export|evaluate)(?:\.\w+)+)", TEXT))
    assert len(named) > 25
    for name in named:
        model = Config
        for key in name.split("."):
            assert key in model.model_fields, name
            model = section_of(model.model_fields[key].annotation)


def test_its_configurations_are_valid():
    for block in re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL):
        assert resolve(yaml.safe_load(block))
