"""Times of a dataset, carried to [0, 1]."""

import pytest
import tiny_dataset
from preparation import BACKWARD, SEQUENCE, refused, run
from tiny_dataset import edited


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def test_the_sequence_holds_no_frame_of_the_ends(folder):
    frames = run(folder, "between")
    assert sorted(set(frames.time)) == [0.25, 0.5, 0.75]
    assert len(frames) == 9
    assert set(run(folder, "backward").time) == {1.0}


def test_true_times_are_normalised_and_their_span_kept(folder):
    for name in ("transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                frame["time"] = 10 + 8 * frame["time"]
    between = run(folder, "between")
    assert sorted(set(between.time)) == pytest.approx([0.25, 0.5, 0.75])
    assert between.duration_s == 8
    assert set(run(folder, "forward").time) == {0.0}
    assert run(folder, "backward", duration_s=3.0).duration_s == 3.0


def test_scans_without_times_are_the_ends(folder):
    for name in ("transforms_00.json", "transforms_04.json"):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                del frame["time"]
    assert set(run(folder, "forward").time) == {0.0}
    assert set(run(folder, "backward").time) == {1.0}
    assert run(folder, "between").duration_s is None


def test_ends_in_the_wrong_order(folder):
    with edited(folder, BACKWARD) as tree:
        for frame in tree["frames"]:
            frame["time"] = 0
    line = refused(folder, "backward")
    assert BACKWARD in line
    assert "time" in line
    assert "not after" in line


def test_time_after_the_backward_scan(folder):
    with edited(folder, SEQUENCE) as tree:
        tree["frames"][9]["time"] = 1.5
    line = refused(folder, "between")
    assert f"{SEQUENCE}: frames[9]" in line
    assert "1.5 lies outside" in line
    assert "give every frame of both scans its `time`" in line


def test_sequence_without_times(folder):
    with edited(folder, SEQUENCE) as tree:
        del tree["frames"][9]["time"]
    assert "frames[9] (images_01/eval_00.png).time: is missing" in refused(folder, "between")


def test_sequence_of_ends_only(folder):
    with edited(folder, SEQUENCE) as tree:
        tree["frames"] = [frame for frame in tree["frames"] if frame["time"] in (0, 1)]
    assert f"{SEQUENCE}: has no projection between" in refused(folder, "between")
