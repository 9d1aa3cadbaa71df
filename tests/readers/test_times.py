"""Times of a dataset, carried to [0, 1]."""

import pytest
import tiny_dataset
from preparation import BACKWARD, FORWARD, SEQUENCE, notes, refused, run
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
    assert run(folder, "backward", duration_s=8.05).duration_s == 8.05
    assert "input.duration_s: is 3 s, but the times of the files make it 8 s" in refused(folder, "forward", duration_s=3.0)


def test_without_a_second_scan_the_end_of_the_sequence_is_1_unless_its_times_are_in_0_to_1(folder):
    (folder / BACKWARD).unlink()
    for name in (FORWARD, SEQUENCE):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                frame["time"] = 10 + 8 * frame["time"]
    between = run(folder, "between", between=SEQUENCE)
    assert sorted(set(between.time)) == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert between.duration_s == 8
    with edited(folder, FORWARD) as tree:
        for frame in tree["frames"]:
            frame["time"] = 18
    with edited(folder, SEQUENCE) as tree:
        tree["frames"] = tree["frames"][7:-7]
    assert f"{SEQUENCE}: ends at 16, not after the scan at 18" in refused(folder, "between", between=SEQUENCE)


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


# --- clocks


def without_times(folder):
    for name in (FORWARD, BACKWARD):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                del frame["time"]


def test_an_image_is_not_taken_at_two_times(folder):
    """Scans without times beside a sequence in seconds, which holds the scans' images too."""
    without_times(folder)
    with edited(folder, SEQUENCE) as tree:
        for frame in tree["frames"]:
            frame["time"] *= 0.2
    line = refused(folder, "between", duration_s=0.2)
    assert "(images_04/train_00.png).time: the image is at 0.2 here" in line
    assert f"in {BACKWARD}, which has no times and is taken at 1; give every frame of both scans its `time`" in line


def test_times_of_a_scan_that_its_sequence_contradicts(folder):
    with edited(folder, SEQUENCE) as tree:
        tree["frames"][1]["time"] = 0.1
    assert "(images_00/train_01.png).time: the image is at 0.1 here, but at 0 in transforms_00.json" in refused(folder, "between")


def test_an_image_of_both_scans(folder):
    with edited(folder, BACKWARD) as tree:
        tree["frames"][2]["file_path"] = "images_00/train_02.png"
    assert "frames[2] (images_00/train_02.png): the image is in the scan at t = 0, too" in refused(folder)


@pytest.mark.parametrize("ends", [True, False])
def test_a_short_event_fills_the_time_axis(folder, ends):
    """A second's event in the middle of two hours."""
    with edited(folder, BACKWARD) as tree:
        for frame in tree["frames"]:
            frame["time"] = 7200
    with edited(folder, SEQUENCE) as tree:
        inner = [frame | {"time": 3600 + frame["time"]} for frame in tree["frames"] if 0 < frame["time"] < 1]
        scans = [frame | {"time": 7200 * frame["time"]} for frame in tree["frames"] if frame["time"] in (0, 1)]
        tree["frames"] = inner + scans * ends
    frames = run(folder, "between")
    assert sorted(set(frames.time)) == pytest.approx([0.25, 0.5, 0.75])
    assert frames.duration_s == pytest.approx(1.0)
    assert (
        "a short event between the scans at 0 and 7200: it fills the time axis, t = 0 is 3600 and t = 1 is 3601"
        in notes(folder, "between")[0]
    )
    assert set(run(folder, "backward").time) == {1.0}


def test_a_sequence_of_a_tenth_of_the_time_and_more_keeps_its_place(folder):
    with edited(folder, SEQUENCE) as tree:
        for frame in tree["frames"]:
            if frame["time"] not in (0, 1):
                frame["time"] = 0.4 + 0.2 * frame["time"]
    assert sorted(set(run(folder, "between").time)) == pytest.approx([0.45, 0.5, 0.55])


def test_a_duration_in_the_file_that_its_times_contradict(folder):
    for name in (FORWARD, BACKWARD, SEQUENCE):
        with edited(folder, name) as tree:
            tree["duration_s"] = 20.0
            for frame in tree["frames"]:
                frame["time"] *= 60
    assert "duration_s: is 20 s, but the times of the files make it 60 s" in refused(folder)


def test_minus_zero_is_zero(folder):
    for name in (FORWARD, SEQUENCE):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                frame["time"] = -0.0 if frame["time"] == 0 else frame["time"]
    assert "-" not in str(run(folder).time[0])
    assert len(run(folder, "between")) == 9


def test_a_duration_that_the_file_contradicts(folder):
    for name in (FORWARD, BACKWARD, SEQUENCE):
        with edited(folder, name) as tree:
            tree["duration_s"] = 20.0
    assert "input.duration_s: is 2 s, but 20 s in the files (transforms_00.json)" in refused(folder, duration_s=2.0)
    assert run(folder, duration_s=20.0).duration_s == 20


@pytest.mark.parametrize("scan", [1.0, 50.0])
def test_the_duration_of_a_short_event_is_its_part_of_that_between_the_scans(folder, scan):
    """Times in [0, 1] say nothing of seconds; times in seconds need no duration, and agree with that between the scans."""
    for name in (FORWARD, BACKWARD):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                frame["time"] *= scan
    with edited(folder, SEQUENCE) as tree:
        tree["frames"] = [frame | {"time": scan * (0.5 + 0.04 * frame["time"])} for frame in tree["frames"] if 0 < frame["time"] < 1]
    assert run(folder, "between", duration_s=50.0).duration_s == pytest.approx(2.0)
    assert run(folder, "backward").duration_s == (None if scan == 1 else pytest.approx(2.0))


def test_a_sequence_in_seconds_beside_scans_without_times(folder):
    without_times(folder)
    with edited(folder, SEQUENCE) as tree:
        tree["frames"] = [frame | {"time": 0.2 * frame["time"]} for frame in tree["frames"] if 0 < frame["time"] < 1]
    line = refused(folder, "between", duration_s=0.2)
    assert "input.duration_s: is 0.2 s, and the sequence ends at 0.15: is that in seconds" in line
    assert sorted(set(run(folder, "between", duration_s=3.0).time)) == pytest.approx([0.05, 0.1, 0.15])
    assert (
        "scans without times are taken at 0 and 1, the sequence reaches from 0.05 to 0.15; if these are seconds"
        in notes(folder, "between")[0]
    )


def test_a_normalised_sequence_beside_scans_without_times(folder):
    without_times(folder)
    assert run(folder, "between", duration_s=0.8).duration_s == 0.8
    assert not any("scans without times" in note for note in notes(folder, "between"))


def test_times_of_a_clock_that_counts_milliseconds_are_told_apart(folder):
    for name in (FORWARD, BACKWARD):
        with edited(folder, name) as tree:
            for frame in tree["frames"]:
                frame["time"] = 1.7e12 + 3.6e6 * frame["time"]
    with edited(folder, SEQUENCE) as tree:
        tree["frames"] = [frame | {"time": 1.7e12 + 1.8e6 + 500 * frame["time"]} for frame in tree["frames"] if 0 < frame["time"] < 1]
    assert sorted(set(run(folder, "between").time)) == pytest.approx([0.25, 0.5, 0.75])
    assert "t = 0 is 1700001800000 and t = 1 is 1700001800500" in notes(folder, "between")[0]


def stacked(frame, times):
    """The frame as the reference program's converter writes it with --deblurring: several cameras, each at its time."""
    count = len(times)
    return frame | {"transform_matrix": [frame["transform_matrix"]] * count, "time": list(times), "camera_weights": [1 / count] * count}


def test_times_that_run_through_a_scan_are_not_used(folder):
    """The reference program's canonical does not look at them; held-out frames are at 1, whatever the scan."""
    for name in (FORWARD, BACKWARD):
        with edited(folder, name) as tree:
            for i, frame in enumerate(tree["frames"]):
                tree["frames"][i] = stacked(frame, [1.0, 1.0] if "eval" in frame["file_path"] else [i / 6, i / 6 + 0.1])
    assert set(run(folder).time) == {0.0}
    assert set(run(folder, "backward").time) == {1.0}
    assert notes(folder) == [
        f"the times of {name} run from 0.05 to 1: not used, as a scan shows a sample at rest" for name in (FORWARD, BACKWARD)
    ]
    assert sorted(set(run(folder, "between").time)) == [0.25, 0.5, 0.75]


def test_a_sequence_in_place_of_a_scan_is_still_refused(folder):
    (folder / BACKWARD).write_bytes((folder / SEQUENCE).read_bytes())
    assert "a scan of one end has one time" in refused(folder, "backward")


def test_held_out_frames_of_the_sequence_at_an_end_are_scored_with_it(folder):
    """The reference program's converter puts them at t = 1; the scan there does not have them."""
    with edited(folder, SEQUENCE) as tree:
        inner = [frame for frame in tree["frames"] if 0 < frame["time"] < 1]
        moved = [stacked(frame, [1.0, 1.0]) if "eval" in frame["file_path"] else frame for frame in inner]
        tree["frames"] = [frame for frame in tree["frames"] if frame not in inner] + moved
    frames = run(folder, "between")
    assert sorted(zip(frames.frame_time().tolist(), frames.held_out.tolist(), strict=True)) == [
        (t, False) for t in (0.25, 0.25, 0.5, 0.5, 0.75, 0.75)
    ] + 3 * [(1.0, True)]
    assert "3 held-out projections at t = 0 or 1, of no scan, count to the sequence" in notes(folder, "between")


def test_frames_at_an_end_that_no_scan_lists_are_named(folder):
    with edited(folder, SEQUENCE) as tree:
        last = next(frame for frame in tree["frames"] if frame["file_path"] == "images_03/train_00.png")
        last["time"] = 1.0
    assert len(run(folder, "between")) == 8
    assert "not used: 1 projections of the sequence at t = 0 or 1, which no scan lists" in notes(folder, "between")
