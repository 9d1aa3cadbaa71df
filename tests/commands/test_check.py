"""`xct4d check`: every dataset of a configuration is read, and each mistake is one line."""

import nikon_dataset
import numpy as np
import pytest
import tiny_dataset
import yaml
from PIL import Image

from xct4d.commands.check import check
from xct4d.commands.main import main
from xct4d.errors import InputError


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
