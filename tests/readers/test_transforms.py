"""Which transforms file holds which state, and their JSON."""

import json
import shutil

import pytest
import tiny_dataset
from preparation import BACKWARD, FORWARD, SEQUENCE, notes, refused, run
from tiny_dataset import edited

from xct4d.config import Input
from xct4d.readers.reference.transforms import discover, listed_images


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def named(sources):
    return {state: [path.name for path in paths] for state, paths in sources.by_state().items()}


def one_file_a_time(folder):
    """The sequence as the reference program's renderer writes it."""
    tree = json.loads((folder / SEQUENCE).read_text())
    (folder / SEQUENCE).unlink()
    for number in (1, 2, 3):
        frames = [frame for frame in tree["frames"] if frame["time"] == number / 4]
        (folder / f"transforms_{number:02d}.json").write_text(json.dumps({**tree, "frames": frames}))


def test_states_are_found_by_name(folder):
    sources = discover(folder, Input(folder="x"))
    assert named(sources) == {"forward": [FORWARD], "backward": [BACKWARD], "between": [SEQUENCE]}


def test_one_file_is_a_static_dataset(folder):
    for name in ("transforms_04.json", "transforms_00_to_04.json"):
        (folder / name).unlink()
    (folder / "transforms_00.json").rename(folder / "transforms_after.json")
    assert named(discover(folder, Input(folder="x"))) == {"forward": ["transforms_after.json"]}


def test_named_files_go_before_found_ones(folder):
    (folder / "transforms_00.json").rename(folder / "before.json")
    (folder / "transforms_04.json").rename(folder / "after.json")
    input = Input(folder="x", forward="before.json", backward="after.json")
    assert named(discover(folder, input)) == {"forward": ["before.json"], "backward": ["after.json"], "between": [SEQUENCE]}


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


# --- what lies in a dataset and is not used


def test_one_file_a_time_is_a_sequence(folder):
    joined = run(folder, "between")
    one_file_a_time(folder)
    frames = run(folder, "between")
    assert (frames.name, frames.time.tolist(), frames.held_out.tolist()) == (joined.name, joined.time.tolist(), joined.held_out.tolist())
    assert notes(folder, "between") == ["the sequence is made of 3 files: transforms_01.json, transforms_02.json, transforms_03.json"]


def test_files_of_a_time_that_contradict_each_other(folder):
    one_file_a_time(folder)
    with edited(folder, "transforms_02.json") as tree:
        tree["flat_field"] = 0.9
    assert "transforms_02.json: flat_field: is 0.9, but 1.0 in transforms_01.json" in refused(folder, "between")
    with edited(folder, "transforms_02.json") as tree:
        tree["flat_field"] = 1.0
        tree["frames"][0]["file_path"] = "images_01/train_00.png"
    assert "transforms_02.json: frames[0] (images_01/train_00.png): the image is listed in another file, too" in refused(folder, "between")


def test_files_of_a_time_beside_the_joined_sequence_are_named(folder):
    joined = (folder / SEQUENCE).read_bytes()
    one_file_a_time(folder)
    (folder / SEQUENCE).write_bytes(joined)
    assert len(run(folder, "between")) == 9
    run(folder)
    assert notes(folder) == [f"not used: transforms_{number:02d}.json, whose images other files list" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    "sequences", [["transforms_00_to_02.json"], ["transforms_02_to_04.json"], ["transforms_00_to_02.json", "transforms_02_to_04.json"]]
)
def test_a_step_is_not_taken_for_the_whole(folder, sequences):
    """Three full scans: a scan would be dropped."""
    shutil.copy(folder / FORWARD, folder / "transforms_02.json")
    for name in sequences:
        shutil.copy(folder / SEQUENCE, folder / name)
    (folder / SEQUENCE).unlink()
    line = refused(folder)
    assert f"no sequence leads from {FORWARD} to {BACKWARD}, and these lead elsewhere: {', '.join(sequences)}" in line
    first, last = sequences[0].removesuffix(".json").split("_")[1::2]
    assert f"input: {{forward: transforms_{first}.json, backward: transforms_{last}.json, between: {sequences[0]}}}" in line
    if first == "00":
        assert named(discover(folder, Input(folder="x", forward=FORWARD, backward="transforms_02.json", between=sequences[0])))[
            "between"
        ] == [sequences[0]]


def test_other_files_and_images_are_named(folder):
    shutil.copytree(folder / "images_00", folder / "images_07")
    with edited(folder) as tree:
        moved = [frame | {"file_path": frame["file_path"].replace("images_00", "images_07")} for frame in tree["frames"][:2]]
        (folder / "transforms_test.json").write_text(json.dumps({**tree, "frames": moved}))
        tree["frames"].pop(3)
    (folder / "transforms_broken.json").write_text("{")
    (folder / "images_00" / "._train_00.png").write_bytes(b"")  # a Mac leaves such files beside files
    run(folder)
    assert notes(folder) == [
        "not used: transforms_broken.json, which cannot be read",
        "not used: transforms_test.json with 2 images of its own, such as images_07/train_00.png",
        "not used: 5 images that nothing lists, such as images_07/eval_00.png",
    ]


def test_folders_volumes_and_other_spellings_are_named(folder):
    shutil.copytree(folder / "images_00", folder / "images_08")
    (folder / "images_08" / "train_09.JPG").write_bytes(b"")
    shutil.copy(folder / FORWARD, folder / "Transforms_02.JSON")
    (folder / "settings.json").write_text("{}")
    for name in ("fdk_00.npy", "fdk_04.npy"):
        (folder / name).write_bytes(b"")
    run(folder, forward_volume={"path": "fdk_04.npy"})
    assert notes(folder) == [
        "not used: Transforms_02.JSON, whose images other files list",
        "not used: settings.json",
        "not used: 8 images that nothing lists, such as images_08/eval_00.png",
        "fdk_00.npy: a volume is used where the configuration names it, or canonical.volume_weight finds it",
    ]


def test_two_files_of_one_number(folder):
    shutil.copy(folder / FORWARD, folder / "transforms_0.json")
    assert "transforms_0.json and transforms_00.json have the same number" in refused(folder)
    run(folder, forward=FORWARD)
    assert notes(folder) == ["not used: transforms_0.json, whose images other files list"]


def test_a_sequence_without_the_scan_at_its_end(folder):
    (folder / BACKWARD).unlink()
    assert f"{SEQUENCE}: is a sequence, but there is no scan at its end; add the scan" in refused(folder)
    run(folder, forward=FORWARD)
    assert notes(folder) == [f"not used: {SEQUENCE} with 16 images of its own, such as images_01/train_00.png"]


def test_a_sequence_that_is_named_needs_no_scan_at_its_end(folder):
    (folder / BACKWARD).unlink()
    assert sorted(set(run(folder, "between", between=SEQUENCE).time)) == [0.25, 0.5, 0.75, 1.0]
    run(folder, between=SEQUENCE)
    assert notes(folder)[0].startswith(
        "there is no second scan: the motion follows from the first, and the times of the sequence are taken as"
    )
