"""Intensities that are right, though not those of a ball in air, and those that are wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny_dataset
from PIL import Image
from preparation import FORWARD, FRAME, notes, refused, run
from tiny_dataset import edited

from xct4d.checks.intensities import Brightness
from xct4d.config import Input, Prepare
from xct4d.geometry.rays import pixel_rays
from xct4d.stages import prepare as stage


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def brightness_of(transmission, width, height, flat_field=1.0):
    """Levels, as of the next."""
    return brightness_and_levels(transmission, width, height, flat_field)[1]


def brightness_and_levels(transmission, width, height, flat_field=1.0):
    """Of views in which each ray has a transmission of its own: transmission(rays [N, 8]) -> [N]."""
    views = replace(tiny_dataset.views(), centre=np.full((6, 2), (width / 2, height / 2)), size=np.full((6, 2), (width, height)))
    brightness = Brightness(flat_field)
    for v in range(len(views)):
        brightness.add(transmission(pixel_rays(views, v)).reshape(height, width), views, v, f"frames[{v}]")
    return brightness, brightness.check("transforms_00.json")


def solid(rays):
    return np.exp(-1.5 * (rays[:, 7] - rays[:, 6]))


def test_platens_above_and_below_a_narrow_view_are_not_air():
    """The detector sees no air beside the box, and dark steel beyond z = -1 and 1."""
    levels = brightness_of(lambda rays: np.where(rays[:, 7] > rays[:, 6], np.exp(-0.3 * (rays[:, 7] - rays[:, 6])), 0.01), 20, 72)
    assert levels["beside the box"] is None


def test_platens_beside_the_box_s_ends_are_not_air():
    def transmission(rays):  # platens as wide as the box: most rays that miss it meet one of them
        beside = np.abs(rays[:, 0] * rays[:, 4] - rays[:, 1] * rays[:, 3]) / np.hypot(rays[:, 3], rays[:, 4])
        platen = (rays[:, 7] <= rays[:, 6]) & (beside < 1)
        return np.where(platen, 0.01, np.exp(-0.3 * (rays[:, 7] - rays[:, 6])))

    assert brightness_of(transmission, 40, 144)["beside the box"] == 1.0


def test_a_sample_may_fill_the_view():
    levels = brightness_of(solid, 16, 16)
    assert levels["beside the box"] is None
    assert levels["inside"] < levels["at its rim"] < 0.1


def test_intensities_are_measured_by_the_flat_field(folder):
    """Air of a declared transmission of 0.03 is no darkness."""
    for path in (folder / "images_00").iterdir():
        Image.fromarray(np.rint(np.asarray(Image.open(path)) / 255 * np.exp(-3.5) * 65535).astype(np.uint16)).save(path)
    with edited(folder) as tree:
        tree["flat_field"] = np.exp(-3.5)
    assert run(folder).flat_field == pytest.approx(0.0302, abs=1e-4)


@pytest.mark.parametrize(("state", "key"), [("forward", "canonical"), ("backward", "canonical"), ("between", "velocity")])
def test_the_note_on_air_names_the_key_that_fits_it(folder, state, key):
    for name in ("transforms_00.json", "transforms_04.json", "transforms_00_to_04.json"):
        with edited(folder, name) as tree:
            tree["flat_field"] = 0.9
    run(folder, state)
    assert notes(folder, state)[-1] == f"air has transmission 1, flat_field says 0.9; {key}.flat_field.train: true fits it"


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
    "one inverted": (
        lambda folder: rewritten(folder, lambda t: 1 - t, "train_02.png"),
        [FRAME, "air has transmission 0, in the other projections 1"],
    ),
    "one half as bright": (lambda folder: rewritten(folder, lambda t: t / 2, "train_02.png"), [FRAME, "air has transmission 0.5"]),
    "white": (lambda folder: rewritten(folder, np.ones_like), [FORWARD, "nothing attenuates", "from 1 to 1"]),
    "12 bit counts in 16 bit": (
        lambda folder: rewritten(folder, lambda t: t / 16),
        [f"{FORWARD}: flat_field: is 1, but air has transmission 0.0625"],
    ),
    "inverted": (lambda folder: rewritten(folder, lambda t: 1 - t), [FORWARD, "look inverted"]),
}


@pytest.mark.parametrize("case", INTENSITIES)
def test_intensities(folder, case):
    spoil, expected = INTENSITIES[case]
    spoil(folder)
    line = refused(folder)
    for words in [*expected, "prepare.check_intensities: false"]:
        assert words in line
    stage.prepare(
        folder, Input(folder=str(folder)), Prepare(target_size=None, check_intensities=False), "forward", folder.parent / "prepared"
    )
    notes = json.loads((folder.parent / "prepared/checks.json").read_text())["notes"]
    assert any(all(words in note for words in expected) for note in notes)


# --- air, where no ray passes beside the box


def narrow(folder, level):
    """The scan through a detector that sees nothing but the box, its images multiplied by the level of air."""
    with edited(folder) as tree:
        tree["fl_x"] = tree["fl_y"] = 120.0
    rewritten(folder, lambda t: t * level)


@pytest.mark.parametrize("level", [0.76, 0.31, 0.0625])
def test_counts_that_were_not_divided_by_air(folder, level):
    narrow(folder, level)
    line = refused(folder)
    assert f"{FORWARD}: flat_field: is 1, but the brightest of all projections has transmission {level:.3g}" in line
    assert "divide the images by the counts of air" in line
    with edited(folder) as tree:
        tree["flat_field"] = level
    assert run(folder).flat_field == level


@pytest.mark.parametrize("level", [1.0, 0.95])
def test_air_that_is_about_as_bright_as_it_should_be(folder, level):
    narrow(folder, level)
    run(folder)
    assert not any("brightest" in note for note in notes(folder))
    dimmer = f"air has transmission {level:g} (the plateau of the bright rays), flat_field says 1"
    assert any(note.startswith(dimmer) for note in notes(folder)) == (level < 0.97)


def test_a_sample_that_fills_every_view_is_said():
    brightness, _ = brightness_and_levels(solid, 16, 16)
    assert "the brightest of all projections has transmission" in brightness.notes[0]
    assert "right where the sample fills every view" in brightness.notes[0]


# --- one projection unlike the others, levels that cannot be kept


def changed(folder, change, names="images_00/*.png", suffix=".png"):
    """Change the pixels [0, 1] of images; floats as TIFF."""
    for path in sorted(folder.glob(names)):
        stored = np.asarray(Image.open(path))
        pixels = change(stored / np.iinfo(stored.dtype).max)
        if suffix == ".png":
            Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)
        else:
            Image.fromarray(pixels.astype(np.float32)).save(path.with_suffix(".tif"))
            path.unlink()
    if suffix != ".png":
        for path in folder.glob("*.json"):
            path.write_text(path.read_text().replace(".png", suffix))


def test_one_projection_darker_than_the_others_where_no_air_is_beside_the_box(folder):
    narrow(folder, 1.0)
    changed(folder, lambda pixels: pixels / 2, "images_00/train_02.png")
    assert f"{FRAME}: the brightest has transmission 0." in refused(folder)


def test_one_projection_that_ends_in_black_rows(folder):
    changed(folder, lambda pixels: np.concatenate([pixels[:-5], 0 * pixels[-5:]]), "images_00/train_02.png")
    assert f"{FRAME}: the last 5 rows are black, those of other projections are not; copy or export it again" in refused(folder)


def test_all_projections_may_end_in_black_rows(folder):
    changed(folder, lambda pixels: np.concatenate([pixels[:-3], 0 * pixels[-3:]]))
    assert len(run(folder)) == 7


def test_a_level_above_one_is_not_clipped_as_noise_is(folder):
    with edited(folder) as tree:
        tree["fl_x"] = tree["fl_y"] = 120.0
    changed(folder, lambda pixels: 1.3 * pixels, "images_*/*.png", ".tif")
    assert "transmissions lie above 1 by 0.28 on average, which would be clipped" in refused(folder)
    assert run(folder, settings=Prepare(target_size=None, check_intensities=False)).image(0).max() == 1


def test_numbers_of_twelve_bits_in_sixteen(folder):
    for path in folder.glob("images_*/*.png"):
        Image.fromarray(np.rint(np.asarray(Image.open(path)) / 255.0 * 4095).astype(np.uint16)).save(path)
    assert "air has transmission 0.0625, as if numbers of 12 bits had been written into 16" in refused(folder)
