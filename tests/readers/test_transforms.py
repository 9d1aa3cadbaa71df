"""Which transforms file holds which state, and their JSON."""

import pytest
import tiny_dataset
from preparation import BACKWARD, FORWARD, SEQUENCE, refused

from xct4d.config import Input
from xct4d.readers.reference.transforms import discover, listed_images


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def test_states_are_found_by_name(folder):
    sources = discover(folder, Input(folder="x"))
    assert [path.name for path in sources] == ["transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"]


def test_one_file_is_a_static_dataset(folder):
    for name in ("transforms_04.json", "transforms_00_to_04.json"):
        (folder / name).unlink()
    (folder / "transforms_00.json").rename(folder / "transforms_after.json")
    assert discover(folder, Input(folder="x")) == (folder / "transforms_after.json", None, None)


def test_named_files_go_before_found_ones(folder):
    (folder / "transforms_00.json").rename(folder / "before.json")
    (folder / "transforms_04.json").rename(folder / "after.json")
    input = Input(folder="x", forward="before.json", backward="after.json")
    assert [path.name for path in discover(folder, input)] == ["before.json", "after.json", "transforms_00_to_04.json"]


def test_images_are_listed_once_in_order(folder):
    listed = listed_images(folder / "transforms_00_to_04.json")
    assert len(listed) == 7 + 3 * 3 + 7
    assert listed[0] == folder / "images_00/train_00.png"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"frames": [', ["is not valid JSON", "line 1"]),
        ("[1, 2]", ["must hold a JSON object"]),
        ("", ["is not valid JSON"]),
        (b"\xff\xfe\x00", ["cannot be read"]),
        ('{"w": ' + 5001 * "1" + "}", ["cannot be read", "4300 digits"]),
    ],
)
def test_not_json(folder, text, expected):
    (folder / FORWARD).write_bytes(text if isinstance(text, bytes) else text.encode())
    line = refused(folder)
    for words in [FORWARD, *expected]:
        assert words in line


def test_folder_without_transforms(folder):
    for path in folder.glob("*.json"):
        path.unlink()
    assert "has no transforms*.json" in refused(folder)


def test_names_of_transforms_that_tell_nothing(folder):
    for path in folder.glob("*.json"):
        path.rename(folder / path.name.replace("_0", "_scan"))
    line = refused(folder)
    assert "which file is the scan" in line
    assert "input.forward" in line


def test_named_transforms_are_missing(folder):
    assert "input.backward: transforms_05.json: no such file" in refused(folder, backward="transforms_05.json")


def test_named_transforms_outside(folder):
    assert "input.forward: ../transforms.json lies outside" in refused(folder, forward="../transforms.json")


def test_one_scan_for_both_ends(folder):
    assert "named for both ends" in refused(folder, forward=BACKWARD, backward=BACKWARD)


def test_two_sequences(folder):
    (folder / SEQUENCE).rename(folder / "transforms_00_to_03.json")
    (folder / "transforms_01_to_04.json").write_bytes((folder / "transforms_00_to_03.json").read_bytes())
    line = refused(folder, "between")
    assert "transforms_00_to_03.json, transforms_01_to_04.json" in line
    assert "input.between" in line
