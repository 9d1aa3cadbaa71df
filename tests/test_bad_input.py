"""Bad input: each gives one clear line that names file and key or frame, and leaves no partial output."""

import errno
import json
import os
import resource
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from PIL import Image
from tiny_dataset import HEIGHT, WIDTH, edited

from xct4d.checks.axes import check_axes
from xct4d.config import Input, Prepare, VolumeFile, resolve
from xct4d.errors import InputError
from xct4d.geometry.box import voxel_centres
from xct4d.io import prepared
from xct4d.io.volumes import load_volume
from xct4d.stages import prepare as stage
from xct4d.stages.rasterise import rasterise

DATA = os.environ.get("XCT4D_DATA")
FORWARD, BACKWARD, SEQUENCE = "transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"
IMAGE = "images_00/train_02.png"
FRAME = f"{FORWARD}: frames[2] ({IMAGE})"


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def complaint(raising, *arguments) -> str:
    """The error's one line."""
    with pytest.raises(InputError) as caught:
        raising(*arguments)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    return line


def refused(folder, state="forward", settings=None, **input) -> str:
    """prepare's one line; nothing may be left beside the dataset."""
    output = folder.parent / "prepared"
    before = sorted(os.listdir(folder.parent))
    line = complaint(stage.prepare, folder, Input(folder=str(folder), **input), settings or Prepare(target_size=None), state, output)
    assert sorted(os.listdir(folder.parent)) == before
    return line


# --- the transforms file: a change of the parsed tree, and what the line must hold


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
    "mask": (frame_key("mask_path", "mask.png"), [FRAME, "mask_path", "not supported"]),
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
    "the same file with two poses": (repeated_with_another_pose, [FORWARD, "frames[7]", "frames[2]", "another camera or time"]),
    "the same file at two times": (repeated_with_another_time, [FORWARD, "frames[7]", "frames[2]", "another camera or time"]),
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


# --- times between the files


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


def test_units_that_contradict_each_other(folder):
    for name, unit in ((FORWARD, 5.0), (BACKWARD, 6.0)):
        with edited(folder, name) as tree:
            tree["unit_mm"] = unit
    line = refused(folder)
    assert f"{BACKWARD}: unit_mm: is 6, but 5 in {FORWARD}" in line


# --- images


def coloured(path):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0] = 200
    Image.fromarray(pixels).save(path)


def transparent(path):
    pixels = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    pixels[3, 3, 3] = 0
    Image.fromarray(pixels).save(path)


def several_pages(path):
    page = Image.fromarray(np.full((HEIGHT, WIDTH), 200, np.uint8))
    page.save(path, format="TIFF", save_all=True, append_images=[page])


def floats(value):
    def write(path):
        pixels = np.full((HEIGHT, WIDTH), 0.9, np.float32)
        pixels[0, 0] = value
        Image.fromarray(pixels).save(path, format="TIFF")

    return write


def damaged(path):
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)


def as_folder(path):
    path.unlink()
    path.mkdir()


def unreadable_link(path):
    path.unlink()
    path.symlink_to(path)


def white_is_zero(path):
    Image.fromarray(np.full((HEIGHT, WIDTH), 60000, np.uint16)).save(path, format="TIFF", tiffinfo={262: 0})


def enormous(path):
    """More pixels than Pillow opens by itself: a PNG's head is enough to tell."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 14_000, 14_000, 8, 0, 0, 0, 0)
    chunks = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (head, b"IDAT", b"IEND")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


IMAGES = {
    "missing": (lambda path: path.unlink(), "there is no file"),
    "empty": (lambda path: path.write_bytes(b""), "is not a PNG or TIFF image"),
    "text": (lambda path: path.write_text("not an image at all"), "is not a PNG or TIFF image"),
    "jpeg": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), 200, np.uint8)).save(path, format="JPEG"), "is not a PNG or TIFF image"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:90]), "cannot be read"),
    "damaged": (damaged, "cannot be read"),
    "a folder": (as_folder, "cannot be read"),
    "wrong size": (lambda path: Image.fromarray(np.full((WIDTH, HEIGHT), 200, np.uint8)).save(path), "has 24 x 32 pixels, its intrinsics are for 32 x 24"),
    "colour": (coloured, "is in colour"),
    "transparent": (transparent, "transparent"),
    "black and white": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), True)).save(path), "pixels of type 1"),
    "32 bit whole numbers": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), 7, np.int32)).save(path, format="TIFF"), "pixels of type"),
    "white is 0 at 16 bit": (white_is_zero, "says that white is 0; save it with 0 for black"),
    "more pixels than Pillow expects": (enormous, "has 14000 x 14000 pixels, its intrinsics are for 32 x 24"),
    "several pages": (several_pages, "holds 2 images"),
    "logarithm": (floats(2.5), "values from 0.9 to 2.5; a transmission lies in [0, 1]"),
    "negative": (floats(-0.1), "values from -0.1"),
    "NaN": (floats(np.nan), "NaN"),
    "black": (lambda path: Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(path), "black everywhere"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_image(folder, case):
    spoil, expected = IMAGES[case]
    spoil(folder / IMAGE)
    line = refused(folder)
    assert FRAME in line
    assert expected in line


def test_image_linked_from_elsewhere(folder):
    (folder / IMAGE).rename(folder.parent / "elsewhere.png")
    (folder / IMAGE).symlink_to(folder.parent / "elsewhere.png")
    line = refused(folder)
    assert "frames[2].file_path" in line
    assert "outside the folder" in line


def test_image_linked_to_itself(folder):
    (folder / IMAGE).unlink()
    (folder / IMAGE).symlink_to(folder / IMAGE)
    assert "frames[2]" in refused(folder)


@pytest.mark.parametrize("focal", [tiny_dataset.FOCAL, 3 * tiny_dataset.FOCAL])
def test_inverted_images(folder, focal):
    """With rays beside the box, and where the detector sees nothing but the box."""
    with edited(folder) as tree:
        tree["fl_x"] = tree["fl_y"] = focal
    for path in (folder / "images_00").iterdir():
        tiny_dataset.save_image(path, 1 - np.asarray(Image.open(path)) / 255)
    line = refused(folder)
    assert FORWARD in line
    assert "look inverted or logarithmic" in line
    assert ("at its rim" in line) == (focal > tiny_dataset.FOCAL)


def test_partly_inverted_images(folder):
    for path in (folder / "images_00").iterdir():
        tiny_dataset.save_image(path, 1 - 0.8 * np.asarray(Image.open(path)) / 255)
    assert "look inverted" in refused(folder)


def rewritten(folder, change, names="*.png"):
    """Change the scan's images: 16 bit, from transmission to transmission."""
    for path in (folder / "images_00").glob(names):
        Image.fromarray(np.rint(change(np.asarray(Image.open(path)) / 255) * 65535).astype(np.uint16)).save(path)


INTENSITIES = {
    "one inverted": (lambda folder: rewritten(folder, lambda t: 1 - t, "train_02.png"), [FRAME, "air has transmission 0, in the other projections 1"]),
    "one half as bright": (lambda folder: rewritten(folder, lambda t: t / 2, "train_02.png"), [FRAME, "air has transmission 0.5"]),
    "white": (lambda folder: rewritten(folder, np.ones_like), [FORWARD, "nothing attenuates", "from 1 to 1"]),
    "12 bit counts in 16 bit": (lambda folder: rewritten(folder, lambda t: t / 16), [f"{FORWARD}: flat_field: is 1, but air has transmission 0.0625"]),
    "inverted": (lambda folder: rewritten(folder, lambda t: 1 - t), [FORWARD, "look inverted"]),
}


@pytest.mark.parametrize("case", INTENSITIES)
def test_intensities(folder, case):
    spoil, expected = INTENSITIES[case]
    spoil(folder)
    line = refused(folder)
    for words in [*expected, "prepare.check_intensities: false"]:
        assert words in line
    stage.prepare(folder, Input(folder=str(folder)), Prepare(target_size=None, check_intensities=False), "forward", folder.parent / "prepared")
    notes = json.loads((folder.parent / "prepared/checks.json").read_text())["notes"]
    assert any(all(words in note for words in expected) for note in notes)


# --- split, downscaling, files


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


@pytest.mark.parametrize(("name", "says"), [("projection", "neither train nor eval"), ("strain_05", "neither"), ("train_05_eval", "both train and eval")])
def test_names_that_tell_nothing(folder, name, says):
    (folder / IMAGE).rename(folder / f"images_00/{name}.png")
    with edited(folder) as tree:
        tree["frames"][2]["file_path"] = f"images_00/{name}.png"
    line = refused(folder)
    assert f"frames[2] (images_00/{name}.png)" in line
    assert says in line
    assert "input.split.method" in line


def test_downscale_larger_than_the_image(folder):
    assert "prepare.downscale: 25 is larger than the 24 pixels" in refused(folder, settings=Prepare(downscale=25))


def test_no_such_folder(folder):
    line = complaint(stage.prepare, folder / "typo", Input(folder="x"), Prepare(), "forward", folder.parent / "prepared")
    assert "typo: no such folder; check input.folder" in line


def test_folder_is_a_file(folder):
    line = complaint(stage.prepare, folder / FORWARD, Input(folder="x"), Prepare(), "forward", folder.parent / "prepared")
    assert f"{FORWARD}: is not a folder" in line


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


def test_state_that_is_not_there(folder):
    (folder / SEQUENCE).unlink()
    assert "input.between" in refused(folder, "between")


def test_two_sequences(folder):
    (folder / SEQUENCE).rename(folder / "transforms_00_to_03.json")
    (folder / "transforms_01_to_04.json").write_bytes((folder / "transforms_00_to_03.json").read_bytes())
    line = refused(folder, "between")
    assert "transforms_00_to_03.json, transforms_01_to_04.json" in line
    assert "input.between" in line


# --- the scanner's record


def test_focal_length_disagrees_with_the_scanner(folder):
    (folder / "scan.xtekct").write_text(
        "[XTekCT]\nVoxelsX=32\nVoxelSizeX=0.05\nSrcToObject=100\nSrcToDetector=600\nDetectorPixelsX=32\n"
        "DetectorPixelSizeX=6.25\nDetectorPixelsY=24\nDetectorPixelSizeY=6.25\n"
    )
    line = refused(folder)
    for words in (FORWARD, "frames[0]", "fl_x", "48.00 px", "96.00 px", "scan.xtekct"):
        assert words in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[XTekCT]\nVoxelsX=32\n", "SrcToObject: is missing"), ("[XTekCT]\nSrcToObject=near\n", "SrcToObject: must be a positive number"), ("junk", "cannot be read")],
)
def test_scanner_record_is_broken(folder, text, expected):
    (folder / "scan.xtekct").write_text(text)
    line = refused(folder)
    assert "scan.xtekct" in line
    assert expected in line


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
def test_real_scan_as_shipped_has_half_the_focal_length(tmp_path):
    folder = Path(DATA) / "nikon_balls"
    input = Input(folder=str(folder), forward="transforms.json", split={"method": "interval", "interval": 3})
    line = complaint(stage.prepare, folder, input, Prepare(), "forward", tmp_path / "out")
    for words in ("transforms.json", "fl_x", "2168.77", "4337.55", ".xtekct"):
        assert words in line
    assert os.listdir(tmp_path) == []


# --- output


def test_output_is_a_file(folder):
    output = folder.parent / "prepared"
    output.write_text("mine")
    assert "prepared: is a file" in refused(folder)
    assert output.read_text() == "mine"


def test_folder_of_the_output_is_a_file(folder):
    (folder.parent / "results").write_text("mine")
    line = complaint(stage.prepare, folder, Input(folder="x"), Prepare(), "forward", folder.parent / "results" / "prepared")
    assert "results/prepared: its folder cannot be made" in line


def test_disk_full_as_the_write_says(folder, monkeypatch):
    def write(file, image):
        file.write(image.tobytes()[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stage, "_append", write)
    assert "prepared: the disk is full" in refused(folder)


def test_file_size_limit(folder):
    """A write that the kernel itself refuses, without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        line = refused(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "prepared: File too large" in line


def test_disk_full_for_real(folder, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)], capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        line = complaint(stage.prepare, folder, Input(folder="x"), Prepare(target_size=None), "forward", disk / "prepared")
        assert "prepared: the disk is full" in line
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# --- volumes


def volume(folder, **keys) -> str:
    return complaint(load_volume, VolumeFile(**keys), folder, "input.forward_volume")


def test_volume_is_missing(tmp_path):
    assert "input.forward_volume.path: there is no file" in volume(tmp_path, path="v.npy")


@pytest.mark.parametrize("path", ["../v.npy", "/v.npy"])
def test_volume_outside(tmp_path, path):
    assert "input.forward_volume.path" in volume(tmp_path / "dataset", path=path)


def test_pickled_volume(tmp_path):
    np.savez(tmp_path / "v.npz", vol=np.array([{"a": 1}], dtype=object))
    assert "v.npz: is not a plain array" in volume(tmp_path, path="v.npz")


def test_pickle_never_runs(tmp_path):
    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    np.save(tmp_path / "v.npy", np.array([Harm()], dtype=object), allow_pickle=True)
    assert "v.npy" in volume(tmp_path, path="v.npy")
    assert not (tmp_path / "harm").exists()


def test_npz_without_vol(tmp_path):
    np.savez(tmp_path / "v.npz", volume=np.zeros((4, 4, 4)))
    assert "v.npz: has no array vol" in volume(tmp_path, path="v.npz")


def test_truncated_npy(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((8, 8, 8)))
    (tmp_path / "v.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:500])
    assert "v.npy" in volume(tmp_path, path="v.npy")


def test_volume_beyond_single_precision(tmp_path, recwarn):
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), 1e300))
    assert "v.npy: holds NaN or infinite voxels" in volume(tmp_path, path="v.npy")
    assert not recwarn.list


def test_image_as_volume(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((8, 8)))
    assert "v.npy: holds float64 of shape (8, 8)" in volume(tmp_path, path="v.npy")


def test_volume_with_nan(tmp_path):
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), np.nan))
    assert "v.npy: holds NaN" in volume(tmp_path, path="v.npy")


def test_negative_attenuation(tmp_path):
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), -1.0))
    assert "v.npy: holds negative attenuation" in volume(tmp_path, path="v.npy")


def test_raw_of_the_wrong_size(tmp_path):
    (tmp_path / "v.raw").write_bytes(bytes(100))
    line = volume(tmp_path, path="v.raw", shape=(3, 4, 5), dtype="uint16")
    assert "v.raw: has 100 bytes, but 3 x 4 x 5 voxels of uint16 need 120" in line


def test_raw_without_shape(tmp_path):
    (tmp_path / "v.raw").write_bytes(bytes(100))
    assert "input.forward_volume: v.raw does not tell its shape and dtype" in volume(tmp_path, path="v.raw", dtype="uint8")


def test_shape_for_npy(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((4, 4, 4)))
    assert "input.forward_volume: shape and dtype belong to .raw" in volume(tmp_path, path="v.npy", shape=(4, 4, 4))


def test_volume_of_an_unknown_kind(tmp_path):
    (tmp_path / "v.mat").write_bytes(b"x")
    assert "v.mat" in volume(tmp_path, path="v.mat")


@pytest.mark.parametrize("stored", ["x, y, z", "z, y, x"])
def test_volume_with_exchanged_axes(folder, stored):
    """The ball lies at x = 0.1, y = -0.3, z = 0.5; with x and z exchanged the projections tell."""
    stage.prepare(folder, Input(folder=str(folder)), Prepare(target_size=None), "forward", folder.parent / "prepared")
    z, y, x = np.meshgrid(*3 * [voxel_centres(40)], indexing="ij")
    truth = sum((p - c) ** 2 for p, c in zip((x, y, z), tiny_dataset.centre(0.0), strict=True)) < tiny_dataset.RADIUS**2
    np.save(folder / "v.npy", (truth.transpose(2, 1, 0) if stored == "x, y, z" else truth).astype(np.float32))
    volume, frames = load_volume(VolumeFile(path="v.npy"), folder, "input.forward_volume"), prepared.load(folder.parent / "prepared")
    if stored == "x, y, z":
        assert check_axes(volume, frames, folder / "v.npy") > 0.95
    else:
        line = complaint(check_axes, volume, frames, folder / "v.npy")
        assert "v.npy: its axes look exchanged" in line
        assert "taken as (x, y, z)" in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type: spher\ncenter: [0, 0, 0]\nradius: 0.3\nrho: 1\n", "type: must be one of"),
        ("type: object_collection\nobjects: []\n", "objects: must be a list"),
        ("type: voxel_grid\npath: v.npy\n", "holds negative attenuation"),
    ],
)
def test_object_description_that_is_wrong(tmp_path, text, expected):
    (tmp_path / "o.yaml").write_text(text)
    np.save(tmp_path / "v.npy", np.full((4, 4, 4), -1.0))
    output = tmp_path / "out.npy"
    line = complaint(rasterise, VolumeFile(path="o.yaml"), tmp_path, 8, "input.forward_volume", output)
    assert "o.yaml" in line
    assert expected in line
    assert not output.exists()


# --- configuration

CONFIG = {
    "unknown key": ({"velocity": {"ode_stp": 0.1}}, ["velocity.ode_stp", "did you mean ode_step"]),
    "unknown section": ({"velocty": {}}, ["velocty", "velocity"]),
    "wrong type": ({"canonical": {"steps": "many"}}, ["canonical.steps", "'many'"]),
    "negative steps": ({"canonical": {"steps": -1}}, ["canonical.steps", "-1"]),
    "unknown split": ({"input": {"split": {"method": "random"}}}, ["input.split.method", "'random'"]),
    "time outside": ({"export": {"times": [0, 1.5]}}, ["export.times.1", "1.5"]),
    "times twice": ({"export": {"times": [0.5, 0.5]}}, ["export", "twice"]),
    "falling levels": ({"velocity": {"levels": [{"resolution": n, "steps": 1, "learning_rate": 1} for n in (9, 6)]}}, ["velocity", "rise"]),
    "folder and scene": ({"input": {"scene": "balls"}}, ["input", "either folder"]),
    "falling window": ({"export": {"dtype": "uint8", "window": [5, 1]}}, ["export", "window must rise, not [5.0, 1.0]"]),
    "NaN window": ({"export": {"dtype": "uint8", "window": [0, float("nan")]}}, ["export.window.1", "finite"]),
    "infinite window": ({"export": {"dtype": "uint8", "window": [0, float("inf")]}}, ["export.window.1", "finite"]),
    "grid upside down": ({"canonical": {"grid": {"coarsest": 16, "finest": 8}}}, ["canonical.grid", "finest (8) must not be less than coarsest (16)"]),
    "a rate that levels have": ({"velocity": {"schedule": {"learning_rate": 0.1}}}, ["velocity.schedule.learning_rate", "unknown key"]),
    "knots of a mixing": ({"mixing": {"flat_field": {"knots": 6}}}, ["mixing.flat_field.knots", "unknown key"]),
    "knots of a scan": ({"canonical": {"flat_field": {"knots": 6}}}, ["canonical.flat_field.knots", "unknown key"]),
    "NaN unit": ({"input": {"unit_mm": float("nan")}}, ["input.unit_mm"]),
}


@pytest.mark.parametrize("case", CONFIG)
def test_configuration(case):
    own, expected = CONFIG[case]
    own = {**own, "input": {"folder": "x", **own.get("input", {})}}
    line = complaint(resolve, {"datasets": {"mine": own}}, "config.yaml")
    for words in ["config.yaml", *expected]:
        assert words in line


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, "config.yaml: datasets: no datasets"),
        ({"datasets": {"../x": {"input": {"folder": "x"}}}}, "config.yaml: datasets.../x: a dataset's name"),
        ({"datasets": {"x": None}}, "config.yaml: datasets.x: must map keys"),
        ({"datasets": {"x": {}}}, "input: is required"),
    ],
)
def test_datasets_of_the_configuration(tree, expected):
    assert expected in complaint(resolve, tree, "config.yaml")
