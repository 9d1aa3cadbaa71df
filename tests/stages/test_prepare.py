"""Datasets become prepared projections, whole or not at all."""

import errno
import json
import os
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny_dataset
from preparation import BACKWARD, DATA, FORWARD, SEQUENCE, complaint, names, needs_data, refused, run
from tiny_dataset import DISTANCE, FOCAL, HEIGHT, WIDTH, edited

from xct4d.config import Input, Prepare
from xct4d.io import prepared
from xct4d.stages import prepare as stage
from xct4d.stages.prepare import prepare


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


def test_pixels_are_rows_of_the_detector_from_the_top_left(folder):
    frames = run(folder)
    cameras = tiny_dataset.views([*tiny_dataset.AZIMUTHS, 30.0])
    for f in range(len(frames)):
        expected = tiny_dataset.transmission(cameras, f, 0.0)
        assert frames.image(f).shape == (HEIGHT, WIDTH)
        assert np.abs(frames.image(f) - expected).max() <= 0.5 / 255 + 1e-4


def test_ball_appears_where_the_camera_formula_puts_it(folder):
    """Written out with numbers: azimuth 0 looks from +x; +y is to the right, +z up, rows downwards."""
    image = run(folder).image(0)
    weight = 1 - image
    row, column = np.indices(image.shape) + 0.5
    at = [(weight * index).sum() / weight.sum() for index in (column, row)]
    polar = np.deg2rad(80)
    x, y, z = tiny_dataset.centre(0.0)
    depth = DISTANCE - (x * np.sin(polar) + z * np.cos(polar))
    height = -x * np.cos(polar) + z * np.sin(polar)
    assert at == pytest.approx([WIDTH / 2 + FOCAL * y / depth, HEIGHT / 2 - FOCAL * height / depth], abs=0.1)


def test_downscaling_averages_areas(folder):
    frames = run(folder, settings=Prepare(downscale=4))
    full = run(folder, "forward")
    block = full.image(2)[:4, 8:12]
    assert frames.image(2).shape == (HEIGHT // 4, WIDTH // 4)
    assert frames.image(2)[0, 2] == pytest.approx(block.mean(), abs=1e-4)
    assert frames.views.focal[0] == pytest.approx(FOCAL / 4)
    assert frames.views.centre[0] == pytest.approx([WIDTH / 8, HEIGHT / 8])


def test_what_downscaling_loses_is_said(folder, capsys):
    run(folder, settings=Prepare(downscale=4))
    # at a distance of 4 a pixel of the full image is 4 / FOCAL wide
    line = f"downscaled by 4: {WIDTH} x {HEIGHT} pixels become {WIDTH // 4} x {HEIGHT // 4}; a pixel in the box is "
    line += f"{16 / FOCAL:.3g} world units wide, {4 / FOCAL:.3g} in the files; prepare.downscale: 1 keeps all"
    assert line in capsys.readouterr().err
    run(folder, settings=Prepare(target_size=None))
    assert "prepare.downscale" not in capsys.readouterr().err


def test_a_target_size_is_not_undercut(folder):
    assert run(folder, settings=Prepare(target_size=10)).size(0) == (10, 8)
    assert run(folder, settings=Prepare(target_size=17)).size(0) == (32, 24)


def test_unit_comes_from_the_config_before_the_file(folder):
    with edited(folder) as tree:
        tree["unit_mm"] = 5.0
    assert run(folder, "between").unit_mm == 5.0
    assert run(folder, "forward", unit_mm=7.0).unit_mm == 7.0


def test_output_is_complete_and_repeatable(folder):
    run(folder)
    output = folder.parent / "prepared_forward"
    assert sorted(os.listdir(output)) == [".digests.json", "checks.json", "frames.json", "preview.png", "projections.npy"]
    first = {name: (output / name).read_bytes() for name in os.listdir(output)}
    run(folder)
    assert first == {name: (output / name).read_bytes() for name in os.listdir(output)}
    assert sorted(os.listdir(folder.parent)) == ["dataset", "prepared_forward"]


@needs_data
def test_balls_of_the_reference_program(tmp_path):
    folder = Path(DATA) / "balls_upstream"
    for state, count, held_out in (("forward", 17, 1), ("backward", 17, 1), ("between", 57, 19)):
        prepare(folder, Input(folder=str(folder)), Prepare(target_size=125), state, tmp_path / state)
        frames = prepared.load(tmp_path / state)
        assert (len(frames), int(frames.held_out.sum()), frames.size(0)) == (count, held_out, (125, 125))
    assert sorted(set(np.round(frames.time * 20, 9))) == list(range(1, 20))
    notes = json.loads((tmp_path / "between/checks.json").read_text())["notes"]
    assert "camera and time of a projection that is trained on: images_01/eval_00.png and 18 more" in notes[-2]
    assert "downscaled by 4: 500 x 500 pixels become 125 x 125" in notes[-1]


@needs_data
def test_real_scan_holds_out_every_third(tmp_path):
    folder = Path(DATA) / "nikon_balls"
    input = Input(folder=str(folder), forward="transforms_corrected.json", split={"method": "interval", "interval": 3})
    prepare(folder, input, Prepare(), "forward", tmp_path / "out")
    frames = prepared.load(tmp_path / "out")
    assert names(frames, True) == [f"train_{i:03d}" for i in (3, 6, 9, 12, 15)]
    assert frames.size(0) == (250, 250)
    assert frames.unit_mm == pytest.approx(34.40985, rel=1e-5)


def test_units_that_contradict_each_other(folder):
    for name, unit in ((FORWARD, 5.0), (BACKWARD, 6.0)):
        with edited(folder, name) as tree:
            tree["unit_mm"] = unit
    line = refused(folder)
    assert f"{BACKWARD}: unit_mm: is 6, but 5 in {FORWARD}" in line


def test_downscale_larger_than_the_image(folder):
    assert "prepare.downscale: 25 is larger than the 24 pixels" in refused(folder, settings=Prepare(downscale=25))


def test_no_such_folder(folder):
    line = complaint(stage.prepare, folder / "typo", Input(folder="x"), Prepare(), "forward", folder.parent / "prepared")
    assert "typo: no such folder; check input.folder" in line


def test_folder_is_a_file(folder):
    line = complaint(stage.prepare, folder / FORWARD, Input(folder="x"), Prepare(), "forward", folder.parent / "prepared")
    assert f"{FORWARD}: is not a folder" in line


def test_state_that_is_not_there(folder):
    (folder / SEQUENCE).unlink()
    assert "input.between" in refused(folder, "between")


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
