"""Masks of a transforms file's frames: white counts, and nothing else of an image does."""

import numpy as np
import pytest
import tiny_dataset
from PIL import Image
from preparation import FORWARD, FRAME, SEQUENCE, complaint, notes, refused, run
from tiny_dataset import HEIGHT, WIDTH, edited

from xct4d.config import Geometry, Input, Intensities, Prepare
from xct4d.readers.images import read_mask
from xct4d.readers.reference.reader import ReferenceReader

COUNTS = np.ones((HEIGHT, WIDTH), bool)
COUNTS[4:11, 3:9] = False


def save(path, counts=COUNTS):
    Image.fromarray(255 * counts.astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def masked(folder, *frames, name=FORWARD, counts=COUNTS, lead=0.0):
    """Name a mask for these frames (all, if none is named), and put `lead` where it is black."""
    save(folder / "mask.png", counts)
    with edited(folder, name) as tree:
        for i in frames or range(len(tree["frames"])):
            tree["frames"][i]["mask_path"] = "mask.png"
            path = folder / tree["frames"][i]["file_path"]
            with Image.open(path) as image:
                pixels = np.array(image)
            Image.fromarray(np.where(counts, pixels, np.uint8(255 * lead))).save(path)
    return folder


@pytest.mark.parametrize("factor", [1, 4])
def test_what_is_black_in_a_mask_does_not_count(folder, factor):
    own = run(folder, settings=Prepare(downscale=factor))
    for lead in (0.0, 1.0):
        frames = run(masked(folder, 0, 2, lead=lead), settings=Prepare(downscale=factor))
        for f in range(len(frames)):
            expected = np.ones(own.image(f).shape, bool)
            if f in (0, 2):
                expected = COUNTS if factor == 1 else COUNTS.reshape(HEIGHT // 4, 4, WIDTH // 4, 4).mean((1, 3)) >= 0.5
                assert not expected.all()
            assert frames.mask(f).tolist() == expected.tolist()
            whole = expected if factor == 1 else expected & (COUNTS.reshape(HEIGHT // 4, 4, WIDTH // 4, 4).all((1, 3)))
            assert frames.image(f)[whole].tolist() == own.image(f)[whole].tolist()
    left_out = sum(int((~frames.mask(f)).sum()) for f in range(len(frames))) / len(frames.pixels)
    assert f"masks leave out {left_out:.1%} of the pixels: they count nowhere" in notes(folder)


def test_prepared_is_the_same_whatever_lies_behind_a_mask(folder):
    first = run(masked(folder, lead=0.0))
    images = [first.image(f) for f in range(len(first))]
    second = run(masked(folder, lead=1.0))
    assert all(np.array_equal(image, second.image(f)) for f, image in enumerate(images))


def test_without_masks_there_is_no_file_of_them(folder):
    frames = run(folder)
    assert frames.counts is None
    assert frames.mask(0) is None
    assert not (folder.parent / "prepared_forward" / "mask.npy").exists()


def test_masks_of_a_sequence(folder):
    frames = run(masked(folder, 0, 7, name=SEQUENCE), "between")  # 0 is at t = 0
    assert [name for f, name in enumerate(frames.name) if not frames.mask(f).all()] == ["images_01/train_00.png"]


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "RGB"])
def test_modes_of_a_mask(tmp_path, mode):
    image = Image.fromarray(255 * COUNTS.astype(np.uint8))
    image = Image.fromarray(65535 * COUNTS.astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", (WIDTH, HEIGHT), "here").tolist() == COUNTS.tolist()


def test_grey_counts_too(tmp_path):
    """As there: what is not black."""
    Image.fromarray(np.where(COUNTS, 128, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", (WIDTH, HEIGHT), "here").tolist() == COUNTS.tolist()


def test_a_mirrored_image_has_a_mirrored_mask(folder):
    frames = run(masked(folder), geometry=Geometry(mirror=True))
    assert frames.mask(0).tolist() == COUNTS[:, ::-1].tolist()


def test_beam_hardening_is_not_judged_by_what_does_not_count(folder):
    """A polynomial that rises up to the ball's attenuation, and falls far beyond it, as at lead."""
    polynomial = Intensities(beam_hardening=[1.0, -0.1])
    masked(folder, lead=0.0)
    assert run(folder, intensities=polynomial).mask(0).tolist() == COUNTS.tolist()
    with edited(folder) as tree:
        for frame in tree["frames"]:
            del frame["mask_path"]
    assert "the polynomial falls" in refused(folder, intensities=polynomial, settings=Prepare(check_intensities=False))


def test_a_mask_is_a_file_of_its_state_and_no_image_that_nothing_lists(folder):
    reader, options = ReferenceReader(), Input(folder=str(folder))
    masked(folder, 2)
    files = reader.files(folder, options)
    assert folder / "mask.png" in files["forward"]
    assert folder / "mask.png" not in files["backward"]
    assert not any("not used" in note for note in reader.open(folder, options).forward.notes)


def test_a_frame_listed_twice_with_two_masks(folder):
    masked(folder, 2)
    with edited(folder) as tree:
        tree["frames"].append({key: value for key, value in tree["frames"][2].items() if key != "mask_path"})
    assert "another camera, time or mask" in refused(folder)


WRONG = {
    "black": (lambda path: save(path, np.zeros_like(COUNTS)), [FRAME, "mask_path", "leaves 0.00% of the pixels", "white"]),
    "of another size": (lambda path: save(path, COUNTS[1:]), [FRAME, "mask_path", f"{WIDTH} x {HEIGHT - 1} pixels"]),
    "no image": (lambda path: path.write_text("mask"), [FRAME, "mask_path", "not a PNG or TIFF"]),
    "transparent": (lambda path: Image.new("LA", (WIDTH, HEIGHT), (255, 100)).save(path), [FRAME, "mask_path", "transparent"]),
    "in colour": (lambda path: Image.new("RGB", (WIDTH, HEIGHT), (255, 0, 0)).save(path), [FRAME, "mask_path", "in colour"]),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mask_that_cannot_be_one(folder, wrong):
    write, expected = WRONG[wrong]
    masked(folder, 2)
    write(folder / "mask.png")
    line = refused(folder)
    assert all(part in line for part in expected), line


def test_a_mask_that_leaves_nothing_of_larger_pixels(folder):
    sparse = np.zeros_like(COUNTS)
    sparse[::4, ::4] = True
    masked(folder, counts=sparse)
    assert "prepare.downscale" in refused(folder, settings=Prepare(downscale=4))


def test_a_mask_that_leaves_only_what_passes_the_box(folder):
    with edited(folder) as tree:  # a wider detector, which sees beside the box
        tree["fl_x"] = tree["fl_y"] = 12.0
    beside = np.zeros_like(COUNTS)
    beside[:, :4] = True
    masked(folder, counts=beside)
    assert "no pixel that the mask leaves sees the box" in refused(folder)


def test_the_missing_mask_is_named_before_anything_runs(folder):
    masked(folder, 2)
    (folder / "mask.png").unlink()
    assert "there is no mask" in complaint(ReferenceReader().files, folder, Input(folder=str(folder)))
