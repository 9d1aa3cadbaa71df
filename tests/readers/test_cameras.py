"""Cameras, weights and times of a transforms file, and what is wrong with them in one line."""

import json

import numpy as np
import pytest
import tiny_dataset
from preparation import FORWARD, FRAME, IMAGE, notes, refused, run
from tiny_dataset import FOCAL, WIDTH, edited


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def test_intrinsics_per_frame(folder):
    with edited(folder) as tree:
        keys = ("fl_x", "fl_y", "cx", "cy", "w", "h")
        shared = {key: tree.pop(key) for key in keys}
        for i, frame in enumerate(tree["frames"]):
            frame |= shared | {"fl_x": FOCAL + i}
    assert run(folder).views.focal[:, 0].tolist() == [FOCAL + i for i in range(7)]


def test_focal_length_from_the_opening_angle(folder):
    with edited(folder) as tree:
        del tree["fl_x"], tree["fl_y"]
        tree["camera_angle_x"] = 2 * np.arctan(WIDTH / 2 / FOCAL)
    assert run(folder).views.focal == pytest.approx(FOCAL)


def test_keys_of_nerfstudio_that_say_nothing_here_may_be_there(folder):
    with edited(folder) as tree:
        tree |= {
            "aabb_scale": 4,
            "applied_transform": [[1, 0, 0, 0]],
            "applied_scale": 1,
            "ply_file_path": "a.ply",
            "k1": 0,
            "camera_model": "OPENCV",
        }
        for i, frame in enumerate(tree["frames"]):
            frame |= {"colmap_im_id": i, "depth_file_path": "d.png", "sharpness": 20.0, "timestamp": 3.0, "camera_id": 1}
    assert len(run(folder)) == 7


def test_a_file_written_on_windows(folder):
    path = folder / "transforms_00.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(run(folder)) == 7


def test_a_frame_s_own_focal_length_goes_before_the_file_s_angle(folder):
    with edited(folder) as tree:
        tree["camera_angle_x"] = 2 * np.arctan(WIDTH / 2 / tree.pop("fl_x"))
        tree["frames"][2] |= {"fl_x": 60.0}
    assert run(folder).views.focal[:4, 0] == pytest.approx([FOCAL, FOCAL, 60.0, FOCAL])


def test_several_cameras_in_a_frame(folder):
    cameras = tiny_dataset.views([0.0, 4.0])
    with edited(folder, "transforms_00_to_04.json") as tree:
        frame = next(f for f in tree["frames"] if f["file_path"] == "images_02/train_00.png")
        frame |= {"transform_matrix": [tiny_dataset.matrix(cameras, i) for i in range(2)], "time": [0.45, 0.55], "camera_weights": [3, 1]}
    frames = run(folder, "between")
    f = frames.name.index("images_02/train_00.png")
    view = slice(*frames.first_view[f : f + 2])
    assert frames.weight[view].tolist() == [0.75, 0.25]
    assert frames.time[view] == pytest.approx([0.45, 0.55])
    assert frames.views.camera_to_world[view] == pytest.approx(cameras.camera_to_world)
    assert frames.frame_time()[f] == pytest.approx(0.475)
    assert len(frames.views) == len(frames) + 1


def test_same_frame_twice_is_used_once_and_said(folder):
    with edited(folder) as tree:
        tree["frames"].append(tree["frames"][-1])
    assert len(run(folder)) == 7
    assert notes(folder) == ["images_00/eval_00.png is listed twice with the same camera and time; used once"]


def frame_key(key, value):
    def change(tree):
        tree["frames"][2][key] = value

    return change


def without_frame_key(key):
    return lambda tree: tree["frames"][2].pop(key)


def top(key, value):
    return lambda tree: tree.update({key: value})


def matrix(change):
    def apply(tree):
        pose = np.array(tree["frames"][2]["transform_matrix"])
        tree["frames"][2]["transform_matrix"] = change(pose).tolist()

    return apply


def scaled(pose):
    pose[:3, :3] *= 1.01
    return pose


def mirrored(pose):
    pose[:3, 0] *= -1
    return pose


def entry(row, column, value):
    def change(pose):
        pose[row, column] = value
        return pose

    return change


def turned_away(pose):
    pose[:3, [0, 2]] *= -1
    return pose


def two_views(tree, weights):
    frame = tree["frames"][2]
    frame |= {"transform_matrix": 2 * [frame["transform_matrix"]], "time": [0.0, 0.0], "camera_weights": weights}


def repeated_with_another_pose(tree):
    again = json.loads(json.dumps(tree["frames"][2]))
    again["transform_matrix"] = tree["frames"][3]["transform_matrix"]
    tree["frames"].append(again)


def repeated_with_another_time(tree):
    tree["frames"].append(tree["frames"][2] | {"time": 0.5})


TRANSFORMS = {
    "no frames key": (lambda tree: tree.pop("frames"), [FORWARD, "frames", "is missing"]),
    "empty frame list": (top("frames", []), [FORWARD, "frames", "at least one"]),
    "frames is an object": (top("frames", {"0": 1}), [FORWARD, "frames", "must be a list"]),
    "a frame is a string": (lambda tree: tree["frames"].append("x.png"), [FORWARD, "frames[7]", "must be an object"]),
    "no file_path": (without_frame_key("file_path"), [FORWARD, "frames[2].file_path", "is missing"]),
    "file_path is a number": (frame_key("file_path", 3), [FORWARD, "frames[2].file_path", "must be a file name"]),
    "no matrix": (without_frame_key("transform_matrix"), [FRAME, "transform_matrix", "is missing"]),
    "matrix of words": (frame_key("transform_matrix", "identity"), [FRAME, "transform_matrix", "4 x 4"]),
    "matrix 3 x 4": (matrix(lambda pose: pose[:3]), [FRAME, "transform_matrix", "not 3 x 4"]),
    "ragged matrix": (frame_key("transform_matrix", [[1, 0, 0], [0, 1]]), [FRAME, "transform_matrix"]),
    "matrix with scale": (matrix(scaled), [FRAME, "transform_matrix", "not rigid"]),
    "mirrored matrix": (matrix(mirrored), [FRAME, "transform_matrix", "mirrors"]),
    "NaN in matrix": (matrix(entry(1, 3, np.nan)), [FRAME, "transform_matrix", "finite"]),
    "infinity in matrix": (matrix(entry(0, 0, np.inf)), [FRAME, "transform_matrix", "finite"]),
    "last row": (matrix(entry(3, 0, 0.5)), [FRAME, "transform_matrix", "last row"]),
    "no fl_x": (lambda tree: tree.pop("fl_x"), [FORWARD, "fl_x", "is missing"]),
    "zero focal length": (top("fl_x", 0), [FORWARD, "fl_x", "must be positive"]),
    "negative focal length in a frame": (frame_key("fl_y", -48.0), [FRAME, "fl_y", "must be positive"]),
    "opening angle over 180 degrees": (lambda tree: tree.update(camera_angle_x=3.2) or tree.pop("fl_x"), [FORWARD, "camera_angle_x", "pi"]),
    "no cx": (lambda tree: tree.pop("cx"), [FORWARD, "cx", "is missing"]),
    "no h": (lambda tree: tree.pop("h"), [FORWARD, ".h", "is missing"]),
    "half a pixel wide": (top("w", 31.5), [FORWARD, ".w", "whole number"]),
    "w beyond any detector": (top("w", 2**70), [FORWARD, ".w", "whole number"]),
    "w is a word": (top("w", "wide"), [FORWARD, ".w", "number"]),
    "cy is true": (top("cy", True), [FORWARD, ".cy", "number"]),
    "lens distortion": (top("k1", 0.1), [FORWARD, "k1", "distortion"]),
    "fisheye": (top("camera_model", "OPENCV_FISHEYE"), [FORWARD, "camera_model", "pinhole"]),
    "mask of the file": (top("mask_path", "mask.png"), [FORWARD, "mask_path: belongs to the frames"]),
    "mask is missing": (frame_key("mask_path", "mask.png"), [FRAME, "mask_path", "mask.png", "there is no file"]),
    "mask out of the dataset": (frame_key("mask_path", "../mask.png"), [FORWARD, "frames[2].mask_path", "outside the folder"]),
    "flat field as optical depth": (top("flat_field", 0), [FORWARD, "flat_field", "transmission of air"]),
    "negative unit": (top("unit_mm", -1), [FORWARD, "unit_mm", "positive"]),
    "negative weight": (frame_key("camera_weights", [-1.0]), [FRAME, "camera_weights", "positive"]),
    "too many weights": (frame_key("camera_weights", [0.5, 0.5]), [FRAME, "camera_weights", "2 weights for 1"]),
    "too many times": (frame_key("time", [0.0, 0.0]), [FRAME, "time", "2 time(s) for 1"]),
    "negative time": (frame_key("time", -0.5), [FRAME, "time", "negative"]),
    "NaN time": (frame_key("time", float("nan")), [FRAME, "time", "finite"]),
    "time is a word": (frame_key("time", "now"), [FRAME, "time", "number"]),
    "two times in one scan": (frame_key("time", 0.5), [FRAME, "time", "one time"]),
    "time of one frame missing": (without_frame_key("time"), [FRAME, "time", "is missing"]),
    "the same file with two poses": (repeated_with_another_pose, [FORWARD, "frames[7]", "frames[2]", "another camera, time or mask"]),
    "the same file at two times": (repeated_with_another_time, [FORWARD, "frames[7]", "frames[2]", "another camera, time or mask"]),
    "camera turned away": (matrix(turned_away), [FRAME, "transform_matrix", "no ray"]),
    "source far to the side": (matrix(entry(0, 3, 50.0)), [FRAME, "transform_matrix", "no ray"]),
    "source inside the box": (matrix(lambda pose: np.vstack([pose[:3] * [1, 1, 1, 0.1], pose[3]])), [FRAME, "transform_matrix", "inside the box"]),
    "absolute path": (frame_key("file_path", "/etc/passwd"), [FORWARD, "frames[2].file_path", "absolute"]),
    "path out of the dataset": (frame_key("file_path", "../other/train_02.png"), [FORWARD, "frames[2].file_path", "outside the folder"]),
    "image is missing": (frame_key("file_path", "images_00/train_77.png"), [FORWARD, "frames[2]", "train_77.png", "there is no file"]),
    "a listed name is missing": (top("train_filenames", ["a.png"]), [FORWARD, "train_filenames", "a.png"]),
    "lists are words": (top("val_filenames", "a.png"), [FORWARD, "val_filenames", "list of file names"]),
    "weights misspelt": (frame_key("camera_weigths", [1.0]), [FRAME, "camera_weigths: unknown key", "did you mean camera_weights?"]),
    "a key in capitals": (top("FL_Y", 50.0), [FORWARD, "FL_Y: unknown key", "did you mean fl_y?"]),
    "flat field of a frame": (frame_key("flat_field", 0.9), [FRAME, "flat_field: belongs to the whole file"]),
    "time of the file": (top("time", 0.0), [FORWARD, "time: belongs to the frames"]),
    "opening angle of another focal length": (top("camera_angle_x", 1.0), [FRAME.replace("2", "0"), "camera_angle_x: 1 means", "fl_x is 48"]),
    "digits beyond a float": (top("w", 10**400), [FORWARD, ".w", "must be a finite number"]),
    "digits beyond a float in a matrix": (frame_key("transform_matrix", [[10**400] * 4] * 4), [FRAME, "transform_matrix"]),
    "digits beyond a float in a time": (frame_key("time", 10**400), [FRAME, "time", "must be a finite number"]),
    "matrix of nothing": (frame_key("transform_matrix", None), [FRAME, "transform_matrix: must be 4 x 4 numbers, not None"]),
    "a name too long": (frame_key("file_path", "a" * 300 + ".png"), [FORWARD, "frames[2].file_path", "cannot be read (File name too long)"]),
    "half a character in a name": (frame_key("file_path", "\ud800.png"), [FORWARD, "frames[2].file_path", "cannot be read"]),
    "backslashes": (frame_key("file_path", IMAGE.replace("/", "\\")), [FORWARD, "frames[2].file_path", "write / in place of \\"]),
    "a name over two lines": (frame_key("file_path", "images_00/\ntrain_02.png"), [FORWARD, "frames[2] (images_00/ train_02.png)", "there is no file"]),
    "matrix of texts": (lambda tree: tree["frames"][2].update(transform_matrix=[[str(v) for v in row] for row in tree["frames"][2]["transform_matrix"]]), [FRAME, "transform_matrix", "4 x 4 numbers"]),
    "matrix of truth values": (frame_key("transform_matrix", np.eye(4, dtype=bool).tolist()), [FRAME, "transform_matrix", "4 x 4 numbers"]),
    "a truth value in a matrix": (lambda tree: tree["frames"][2]["transform_matrix"][0].__setitem__(0, True), [FRAME, "transform_matrix", "4 x 4 numbers"]),
    "a weight that is nothing": (lambda tree: two_views(tree, [1e308, 1e-300]), [FRAME, "camera_weights", "nothing beside the others"]),
    "a weight as text": (frame_key("camera_weights", ["1"]), [FRAME, "camera_weights", "must be a finite number, not '1'"]),
    "a time as text": (frame_key("time", ["0"]), [FRAME, "time", "must be a finite number, not '0'"]),
    "focal length as text": (top("fl_x", "48"), [FORWARD, "fl_x", "must be a finite number, not '48'"]),
    "a focal length in mm": (top("fl_x", 0.6), [FORWARD, "fl_x", "0.6 px opens the beam by 176 degrees over 32 pixels", "divided by the size of a pixel"]),
    "a focal length beyond all beams": (top("fl_x", 1e12), [FORWARD, "fl_x", "1e+12 px opens the beam by"]),
    "pixels eight times as long as wide": (lambda tree: tree.update(fl_x=48.0, fl_y=480.0), [FORWARD, "fl_y", "make no detector"]),
    "a principal point in mm": (top("cx", 16000.0), [FORWARD, "cx", "16000 lies far outside the 32 pixels", "from the image's left"]),
    "in both lists": (
        lambda tree: tree.update(train_filenames=[IMAGE], val_filenames=[IMAGE]), [FORWARD, "val_filenames", IMAGE, "train_filenames, too"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TRANSFORMS)
def test_transforms(folder, case):
    change, expected = TRANSFORMS[case]
    with edited(folder) as tree:
        change(tree)
    line = refused(folder)
    for words in expected:
        assert words in line


def test_weights_whose_sum_overflows(folder):
    with edited(folder) as tree:
        two_views(tree, [1.5e308, 0.5e308])
    frames = run(folder)
    assert frames.weight[frames.first_view[2] : frames.first_view[3]] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"fl_x": 48.0', '"fl_x": 48.0, "fl_x": 96.0', "key fl_x is given twice; remove one"),
        ('"frames": [', '"frames": [], "frames": [', "key frames is given twice"),
        ('"time": 0.0,', '"time": 0.0, "time": 0.5,', "key time is given twice"),
        ('"w": 32', '"w": 32, "nested": ' + "[" * 70 + "]" * 70, "nested more than 64 levels deep"),
        ('"w": 32', '"w": 32, "deep": ' + "[" * 100_000 + "]" * 100_000, "nested more than 64 levels deep"),
    ],
)
def test_json_is_as_strict_as_yaml(folder, old, new, says):
    path = folder / FORWARD
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    line = refused(folder)
    assert FORWARD in line
    assert says in line


def test_what_other_programs_apply_to_the_poses_is_named(folder):
    plain = run(folder)
    with edited(folder) as tree:
        tree.update(scale=0.5, offset=[0.5, 0.5, 0.5], applied_transform=np.eye(4)[:3].tolist())
    assert np.array_equal(run(folder).views.camera_to_world, plain.views.camera_to_world)
    assert notes(folder) == [f"not applied: scale, offset, applied_transform of {FORWARD}; the poses are taken as they are, in world units"]
