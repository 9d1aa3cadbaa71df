"""Which format a folder is, and what it costs to know."""

from importlib.metadata import EntryPoint

import nikon_dataset
import pytest
import tiny_dataset

from xct4d.config import Input
from xct4d.errors import InputError
from xct4d.readers import registry
from xct4d.readers.reader import Dataset, Reader
from xct4d.readers.registry import reader_of


class ElsewhereReader(Reader):
    """As another package would offer it."""

    name, looks_for = "elsewhere", "*.else"

    def can_read(self, folder, options):
        return any(folder.glob("*.else"))

    def files(self, folder, options):
        return {"forward": sorted(folder.glob("*.else"))}

    def open(self, folder, options):
        return Dataset({})


@pytest.fixture
def elsewhere(monkeypatch):
    point = EntryPoint("elsewhere", f"{__name__}:ElsewhereReader", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.ENTRY_POINTS else [])
    registry._formats_of_other_packages.cache_clear()
    yield
    registry._formats_of_other_packages.cache_clear()


def name_of(folder, **keys):
    return reader_of(folder, Input(folder=str(folder), **keys)).name


def test_transforms_files_go_before_a_scanner_s_own(tmp_path):
    folder = tiny_dataset.make(tmp_path / "dataset")
    (folder / "scan.xtekct").write_text("")
    assert name_of(folder) == "reference"
    assert name_of(folder, forward="scan.xtekct") == "nikon"
    assert name_of(nikon_dataset.make(tmp_path / "other")) == "nikon"
    assert name_of(tmp_path / "other", forward="named.json") == "reference"


def test_formats_of_other_packages_are_asked_last(tmp_path, elsewhere):
    (tmp_path / "a.else").write_text("")
    assert name_of(tmp_path) == "elsewhere"
    (tmp_path / "transforms.json").write_text("")
    assert name_of(tmp_path) == "reference"


def test_what_was_looked_for_is_said(tmp_path, elsewhere):
    with pytest.raises(InputError) as caught:
        name_of(tmp_path)
    said = str(caught.value)
    assert "has no transforms*.json (reference), no *projections.csv (table), no *.xtekct (nikon), " in said
    assert "no *.else (elsewhere); check input.folder, name the file as input.forward, or write a table" in said


@pytest.mark.parametrize(("name", "says"), [("typo", "no such folder"), ("file", "is not a folder"), ("a" * 300, "no such folder")])
def test_no_folder(tmp_path, name, says):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=says):
        name_of(tmp_path / name)
