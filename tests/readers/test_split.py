"""Which projections are trained on, held out and left aside."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from preparation import FORWARD, IMAGE, SEQUENCE, names, notes, refused, run
from tiny_dataset import edited

from xct4d.errors import InputError
from xct4d.workflow.demand import memory_mb, minutes
from xct4d.workflow.plan import plan


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def test_split_by_name(folder):
    frames = run(folder)
    assert names(frames, True) == ["eval_00"]
    assert len(names(frames, False)) == 6


@pytest.mark.parametrize(
    ("limits", "kept"),
    [({"imin": 1, "istep": 2}, [1, 3, 5]), ({"imin": 2, "imax": 4}, [2, 3, 4]), ({"indices": [0, 5]}, [0, 5]), ({"istep": 4}, [0, 4])],
)
def test_split_by_number(folder, limits, kept):
    frames = run(folder, split=limits)
    assert names(frames, False) == [f"train_{i:02d}" for i in kept]
    assert names(frames, True) == ["eval_00"]
    image = frames.image(1)
    assert np.abs(image - tiny_dataset.transmission(tiny_dataset.views(), kept[1], 0.0)).max() < 0.003


def test_a_thinned_scan_leaves_the_sequence_whole(folder):
    limits = {"imin": 1, "istep": 2}
    assert len(run(folder, split=limits)) == 4
    assert names(run(folder, "between", split=limits), False) == names(run(folder, "between"), False) == 3 * ["train_00", "train_01"]


@pytest.mark.parametrize(("name", "held_out"), [("strain05_eval_00", True), ("retrieval7_train_00", False), ("scan2train00", False)])
def test_the_end_of_another_word_says_nothing(folder, name, held_out):
    (folder / "images_00/train_02.png").rename(folder / f"images_00/{name}.png")
    with edited(folder) as tree:
        tree["frames"][2]["file_path"] = f"images_00/{name}.png"
    assert name in names(run(folder), held_out)
    assert names(run(folder, split={"indices": [0, 1]}), False) == ["train_00", "train_01"] + [name] * (not held_out)


def test_split_by_interval_fraction_list_none(folder):
    assert names(run(folder, split={"method": "interval", "interval": 3}), True) == ["train_02", "train_05"]
    assert names(run(folder, split={"method": "interval"}), True) == []
    assert names(run(folder, split={"method": "fraction", "fraction": 0.7}), True) == ["train_01", "train_05"]
    assert names(run(folder, split={"method": "fraction"}), True) == ["train_03"]
    listed = {"method": "list", "held_out": ["train_01.png", "images_00/train_03.png"]}
    assert names(run(folder, split=listed), True) == ["train_01", "train_03"]
    assert names(run(folder, split={"method": "none"}), True) == []


def test_listed_names_may_belong_to_another_state(folder):
    assert names(run(folder, split={"method": "list", "held_out": ["images_04/train_01.png"]}), True) == []


def test_held_out_views_that_are_trained_on_are_noted(folder, capsys):
    """As in the reference program's own balls: eval_00 has the camera of train_00."""
    with edited(folder, "transforms_00_to_04.json") as tree:
        for number in range(1, 3):
            own = [frame for frame in tree["frames"] if frame["file_path"].startswith(f"images_{number:02d}/")]
            own[-1]["transform_matrix"] = (np.array(own[0]["transform_matrix"]) + 1e-9 * np.eye(4)[::-1] * [1, 1, 1, 0]).tolist()
    run(folder, "between")
    said = "held out, but with the camera and time of a projection that is trained on: images_01/eval_00.png and 1 more"
    assert notes(folder, "between")[-1] == f"{said}; the score says nothing about unseen views"
    assert said in capsys.readouterr().err
    run(folder)
    assert notes(folder) == []


def test_lists_in_the_file_decide(folder):
    with edited(folder) as tree:
        files = [frame["file_path"] for frame in tree["frames"]]
        tree["train_filenames"], tree["val_filenames"], tree["test_filenames"] = files[:3], files[3:4], files[4:5]
    frames = run(folder)
    assert names(frames, False) == ["train_00", "train_01", "train_02"]
    assert names(frames, True) == ["train_03", "train_04"]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ({"imin": 90}, ["input.split", FORWARD, "leaves no projection"]),
        ({"indices": [77]}, ["input.split", "leaves no projection"]),
        ({"indices": [1], "istep": 2}, ["input.split.indices", "excludes"]),
        ({"method": "fraction", "fraction": 0.01}, ["input.split", "leaves no projection"]),
        ({"method": "interval", "imin": 2}, ["input.split.imin", "belongs to method filename"]),
        ({"held_out": ["train_01.png"]}, ["input.split.held_out", "method list"]),
        ({"interval": 8}, ["input.split.interval", "belongs to method interval, not filename", "input.split.method: interval"]),
        ({"method": "interval", "fraction": 0.9}, ["input.split.fraction", "method fraction"]),
        ({"method": "list"}, ["input.split.held_out", "names nothing"]),
        ({"method": "list", "held_out": ["train_99.png"]}, ["input.split.held_out", "train_99.png"]),
    ],
)
def test_split(folder, split, expected):
    line = refused(folder, split=split)
    for words in expected:
        assert words in line


@pytest.mark.parametrize(
    ("name", "says"), [("projection", "neither train nor eval"), ("strain_05", "neither"), ("train_05_eval", "both train and eval")]
)
def test_names_that_tell_nothing(folder, name, says):
    (folder / IMAGE).rename(folder / f"images_00/{name}.png")
    with edited(folder) as tree:
        tree["frames"][2]["file_path"] = f"images_00/{name}.png"
    line = refused(folder)
    assert f"frames[2] (images_00/{name}.png)" in line
    assert says in line
    assert "input.split.method" in line


# --- methods that count, in a sequence


def two_cameras(folder, in_turn):
    """The sequence without held-out projections; in_turn: one camera at each time, the cameras alternating."""
    with edited(folder, SEQUENCE) as tree:
        frames = [frame for frame in tree["frames"] if 0 < frame["time"] < 1 and "train" in frame["file_path"]]
        more = [frame | {"time": 1 - (frame["time"] + 0.125) / 2, "file_path": f"more/{frame['file_path']}"} for frame in frames]
        for frame in more:
            (folder / frame["file_path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / frame["file_path"].removeprefix("more/"), folder / frame["file_path"])
        tree["frames"] = sorted([*frames, *more], key=lambda frame: frame["time"])
        if in_turn:
            tree["frames"] = [pair[i % 2] for i, pair in enumerate(zip(tree["frames"][::2], tree["frames"][1::2], strict=True))]


@pytest.mark.parametrize(
    "split", [{"method": "interval", "interval": n} for n in (2, 3)] + [{"method": "fraction", "fraction": f} for f in (0.5, 0.6, 0.75)]
)
@pytest.mark.parametrize("in_turn", [False, True])
def test_no_camera_and_no_time_is_lost_whole(folder, split, in_turn):
    two_cameras(folder, in_turn)
    frames = run(folder, "between", split=split)
    camera = np.array([Path(name).stem for name in frames.name])
    trained = ~frames.held_out
    assert set(camera[trained]) == {"train_00", "train_01"}
    lost = np.array([(camera[frames.held_out] == name).sum() for name in ("train_00", "train_01")])
    assert lost.sum() > 0
    assert np.ptp(lost) <= 1
    if not in_turn:
        assert set(frames.time[trained]) == set(frames.time)


def test_how_many_are_held_out_of_a_sequence(folder):
    two_cameras(folder, False)  # two cameras at six times
    held_out = {
        f: int(run(folder, "between", split={"method": "fraction", "fraction": f}).held_out.sum()) for f in (1.0, 0.9, 0.75, 0.5, 0.2)
    }
    assert held_out == {1.0: 0, 0.9: 1, 0.75: 3, 0.5: 6, 0.2: 6}  # one camera of each time is always trained on
    assert int(run(folder, "between", split={"method": "interval", "interval": 4}).held_out.sum()) == 1
    assert int(run(folder, "between", split={"method": "none"}).held_out.sum()) == 0


@pytest.mark.parametrize("method", ["interval", "fraction"])
def test_a_method_without_its_value_is_planned_with_the_default(folder, method):
    (dataset,) = plan({"datasets": {"d": {"input": {"folder": str(folder), "split": {"method": method}}}}}, Path("scenes")).values()
    assert memory_mb("evaluate", dataset, 1) > 0
    assert minutes("evaluate", dataset, 1) > 0


@pytest.mark.parametrize(
    ("state", "split", "says"),
    [
        ("forward", {"method": "interval"}, "input.split holds nothing out: there are too few for every 8th"),
        (
            "between",
            {"method": "fraction", "fraction": 0.1},
            "input.split holds out 6, not 8: one projection of each time stays in training",
        ),
        ("forward", {"method": "fraction", "fraction": 0.95}, "input.split holds nothing out: 0.05 of 7 is less than a half"),
        ("forward", {"method": "fraction", "fraction": 1.0}, None),
        ("forward", {"method": "interval", "interval": 3}, None),
    ],
)
def test_a_method_that_cannot_hold_out_what_it_is_told_to_says_so(folder, state, split, says):
    run(folder, state, split=split)
    assert [note for note in notes(folder, state) if "input.split" in note] == ([says] if says else [])


@pytest.mark.parametrize(
    ("choice", "trained", "held_out"),
    [
        ({"start": 0.5}, {0.5: [0, 1], 0.75: [0, 1]}, [0.5, 0.75]),
        ({"stop": 0.6}, {0.25: [0, 1], 0.5: [0, 1]}, [0.25, 0.5]),
        ({"step": 2}, {0.25: [0, 1], 0.75: [0, 1]}, [0.25, 0.5, 0.75]),
        ({"indices": [1]}, {0.25: [1], 0.5: [1], 0.75: [1]}, [0.25, 0.5, 0.75]),
        ({"start": 0.3, "step": 2, "indices": [0]}, {0.5: [0]}, [0.5, 0.75]),
    ],
    ids=str,
)
def test_part_of_the_sequence(folder, choice, trained, held_out):
    """A window holds for all projections, thinning for those that are trained on; the scans stay whole."""
    frames = run(folder, "between", sequence=choice)
    found: dict = {}
    for name, time, out in zip(frames.name, frames.frame_time().tolist(), frames.held_out, strict=True):
        if not out:
            found.setdefault(time, []).append(int(name[-6:-4]))
    assert found == trained
    assert frames.frame_time()[frames.held_out].tolist() == held_out
    assert len(run(folder, sequence=choice)) == 7


def test_a_part_of_the_sequence_that_is_empty(folder):
    assert "input.sequence: leaves no projection of" in refused(folder, "between", sequence={"start": 0.8})
    assert "input.sequence: leaves no projection of" in refused(folder, "between", sequence={"indices": [7]})
    (folder / "images_02/train_01.png").rename(folder / "images_02/train.png")
    with edited(folder, SEQUENCE) as tree:
        for frame in tree["frames"]:
            frame["file_path"] = frame["file_path"].replace("02/train_01", "02/train")
    assert "(images_02/train.png): has no number behind train" in refused(folder, "between", sequence={"indices": [0]})


def test_a_scan_alone_has_no_sequence_to_choose_of(folder):
    for name in ("transforms_04.json", SEQUENCE):
        (folder / name).unlink()
    with pytest.raises(InputError, match=r"input\.sequence: there is no sequence"):
        plan({"datasets": {"d": {"input": {"folder": str(folder), "sequence": {"step": 2}}}}}, folder)
