"""`xct4d check`: every dataset of a configuration is read, and each mistake is one line."""

import json

import balls_scan
import nikon_dataset
import numpy as np
import pytest
import tiny_dataset
import yaml
from PIL import Image

from xct4d.commands.check import check
from xct4d.commands.main import main
from xct4d.errors import InputError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """Pictures go to the working directory."""
    monkeypatch.chdir(tmp_path)


def configured(tmp_path, **datasets):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"datasets": {name: {"input": given} for name, given in datasets.items()}}))
    return path


def test_every_state_is_checked(tmp_path, capsys):
    folder = tiny_dataset.make(tmp_path / "ball")
    assert main(["check", str(configured(tmp_path, ball={"folder": str(folder)}, scene={"scene": "tiny"}))]) == 0
    said = capsys.readouterr().out
    for words in ("forward: transforms_00.json", "backward: transforms_04.json", "between: transforms_00_to_04.json"):
        assert words in said
    assert "backward: 6 views are trained on, 1 held out" in said
    assert "tiny: a scene, which is simulated" in said


def test_what_downscaling_loses_is_said_in_voxels(tmp_path):
    given = {"folder": str(tiny_dataset.make(tmp_path / "ball"))}
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump({"datasets": {"ball": {"input": given}}, "prepare": {"target_size": 16}, "canonical": {"bake": 48}}))
    (checked,) = check(path)
    said = "downscaled by 2: 32 x 24 pixels become 16 x 12; a pixel is 4 voxels of canonical.bake (48) wide, 2 in the files"
    lines = [line for line in checked.lines if "downscaled" in line]
    assert lines == [f"{state}: {said}; prepare.downscale: 1 keeps all" for state in ("forward", "backward", "between")]


def test_one_broken_dataset_leaves_the_others(tmp_path, capsys):
    good, bad = (nikon_dataset.make(tmp_path / name, scans=["scan"]) for name in ("good", "bad"))
    for path in bad.glob("*.tif"):
        image = np.array(Image.open(path))
        Image.fromarray(65535 - image).save(path)
    given = {name: {"folder": str(folder), "split": {"method": "none"}} for name, folder in (("bad", bad), ("good", good))}
    assert main(["check", str(configured(tmp_path, **given))]) == 1
    out, err = capsys.readouterr()
    assert "inverted or logarithmic" in err
    assert len(err.splitlines()) == 1
    assert "good:" in out
    assert [checked.error is None for checked in check(tmp_path / "c.yaml")] == [False, True]


def test_a_wrong_configuration_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"input\.geometry\.miror: unknown key; did you mean mirror\?"):
        check(configured(tmp_path, a={"folder": str(tmp_path), "geometry": {"miror": True}}))


def test_names_that_do_not_tell_who_is_held_out(tmp_path, capsys):
    folder = nikon_dataset.make(tmp_path / "scan", scans=["scan"])
    assert main(["check", str(configured(tmp_path, scan={"folder": str(folder)}))]) == 1
    assert "input.split" in capsys.readouterr().err


def test_zingers_are_counted(tmp_path):
    folder = nikon_dataset.make(tmp_path / "scan", scans=["scan"])
    image = np.array(Image.open(folder / "scan_0001.tif"))
    image[3, [5, 20]] = 20000
    Image.fromarray(image).save(folder / "scan_0001.tif")
    given = {"folder": str(folder), "split": {"method": "none"}}
    (checked,) = check(configured(tmp_path, scan=given))
    says = "2 single pixels in 6 views stand out by more than 0.3 of transmission: input.intensities.zingers: 0.3 replaces them"
    assert any(says in line for line in checked.lines)
    (checked,) = check(configured(tmp_path, scan=given | {"intensities": {"zingers": 0.3}}))
    assert not any("stand out" in line for line in checked.lines)


def balls(folder, mirror):
    """A scan of a few balls with twelve cameras, in the reference format."""
    cameras = balls_scan.views()
    images = balls_scan.transmissions(cameras)[:, :, :: -1 if mirror else 1]
    frames = []
    for i, image in enumerate(images):
        tiny_dataset.save_image(folder / f"images/train_{i:02d}.png", image)
        frames.append({"file_path": f"images/train_{i:02d}.png", "transform_matrix": tiny_dataset.matrix(cameras, i)})
    intrinsics = {"fl_x": balls_scan.FOCAL, "fl_y": balls_scan.FOCAL, "cx": balls_scan.WIDTH / 2, "cy": balls_scan.HEIGHT / 2}
    size = {"w": balls_scan.WIDTH, "h": balls_scan.HEIGHT}
    (folder / "transforms_00.json").write_text(json.dumps(intrinsics | size | {"frames": frames}))
    return folder


def test_the_doctor_names_a_mirrored_scan_and_its_line_corrects_it(tmp_path, capsys):
    folder = balls(tmp_path / "balls", mirror=True)
    path = configured(tmp_path, balls={"folder": str(folder), "split": {"method": "none"}})
    assert main(["check", str(path)]) == 0
    said = capsys.readouterr().out
    assert "forward: geometry by pairwise consistency: wrong" in said
    line = next(line for line in said.splitlines() if "to correct it: " in line)
    assert (tmp_path / "c_check" / "balls_forward.png").is_file()
    correction = yaml.safe_load(line.partition("to correct it: ")[2])
    given = {"folder": str(folder), "split": {"method": "none"}} | correction["input"]
    (checked,) = check(configured(tmp_path, balls=given))
    assert any("geometry by pairwise consistency: right" in line for line in checked.lines)


def test_what_the_scanner_s_record_contradicts_is_an_error_and_the_doctor_still_looks(tmp_path):
    """The scan of a scanner whose record says another focal length than the transforms file."""
    folder = balls(tmp_path / "balls", mirror=False)
    nikon_dataset.make(tmp_path / "other", scans=["scan"])
    (folder / "scan.xtekct").write_bytes((tmp_path / "other" / "scan.xtekct").read_bytes())
    (checked,) = check(configured(tmp_path, balls={"folder": str(folder), "forward": "transforms_00.json", "split": {"method": "none"}}))
    assert "disagrees with scan.xtekct" in str(checked.error)
    assert any("geometry by pairwise consistency: right" in line for line in checked.lines)
