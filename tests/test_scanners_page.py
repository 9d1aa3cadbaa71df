"""docs/scanners.md: its keys exist, its table can be read, and it lists every key and every format."""

import re

import yaml

from workflow import ROOT
from xct4d.config import Geometry, Input, Intensities
from xct4d.readers.registry import FORMATS
from xct4d.readers.table.csv_file import COLUMNS, KEYS, read_table

TEXT = (ROOT / "docs" / "scanners.md").read_text()


def test_its_configurations_are_valid():
    blocks = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    given = [yaml.safe_load(block)["input"] for block in blocks]
    assert len(given) == 3
    for keys in given:
        Input.model_validate({"folder": "x"} | keys)
    (geometry,) = [keys["geometry"] for keys in given if "geometry" in keys]
    (intensities,) = [keys["intensities"] for keys in given if "intensities" in keys]
    assert (set(geometry), set(intensities)) == (set(Geometry.model_fields), set(Intensities.model_fields))


def test_its_table_can_be_read(tmp_path):
    (block,) = re.findall(r"```\n(# source_to_axis_mm.*?)```", TEXT, flags=re.DOTALL)
    (tmp_path / "projections.csv").write_text(block)
    table = read_table(tmp_path / "projections.csv")
    assert [row.kind for row in table.rows] == ["flat", "dark", "projection", "projection"]
    assert set(table.keys) == {"source_to_axis_mm", "source_to_detector_mm", "pixel_mm"}
    for name in (*KEYS, *COLUMNS):
        assert f"`{name}`" in TEXT, name


def test_it_lists_every_format():
    assert TEXT.count("\n| ") - 1 == len(FORMATS) + 1  # two formats are HDF5 files
