"""`xct4d new`: folders are recognised, and what it writes runs as it stands."""

import os
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import hdf5_dataset
import nikon_dataset
import pytest
import tiny_dataset
import yaml
from table_dataset import experiment, with_flats

from workflow import ROOT
from xct4d.commands.check import check
from xct4d.commands.main import main
from xct4d.commands.new import new
from xct4d.config import resolve
from xct4d.errors import InputError

DATA = os.environ.get("XCT4D_DATA")


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def written(made):
    (config,) = resolve(yaml.safe_load(made.path.read_text())).values()
    return config


def nikon(folder, **keys):
    made = nikon_dataset.make(folder, **keys)
    for record in made.glob("*.xtekct"):
        nikon_dataset.add_angles(made, record.stem)
    return made


def test_a_nikon_folder_runs_as_written(tmp_path):
    folder = nikon(tmp_path / "my scan", scans=["scan"])
    made = new([folder])
    config = written(made)
    assert made.path == Path("my_scan.yaml")
    assert (config.input.folder, config.input.forward, config.input.intensities.air) == (str(folder), "scan.xtekct", None)
    assert "6 views of 32 x 24 pixels, azimuths 0 to -300 degrees" in "\n".join(made.lines)
    assert "source to axis 64 mm" in made.lines[2]
    assert "began 2024-04-25 09:30:23, 1 s exposure a view" in made.lines[3]
    assert "air: 50000 counts measured, 1.000 of the 50000 of the files (agrees)" in made.lines[4]
    (checked,) = check(made.path)
    assert checked.error is None


def test_air_that_the_images_cannot_hold_is_measured(tmp_path):
    folder = nikon_dataset.exported(nikon(tmp_path / "scan", scans=["scan"]))
    made = new([folder])
    assert written(made).input.intensities.air == 255
    assert any("255 counts measured; the 50000 of the files are more than its images can hold" in line for line in made.lines)
    assert check(made.path)[0].error is None


def test_air_that_disagrees_is_said_and_left_to_the_user(tmp_path):
    folder = nikon(tmp_path / "scan", scans=["scan"])
    record = folder / "scan.xtekct"
    record.write_text(record.read_text().replace("WhiteLevel=50000", "WhiteLevel=52000"))
    made = new([folder])
    assert written(made).input.intensities.air is None
    assert any("50000 counts measured, 0.962 of the 52000 of the files (DISAGREES)" in line for line in made.lines)
    assert "# intensities: {air: 50000" in made.path.read_text()
    assert "forward: air has transmission 0.962 where 1 is expected" in check(made.path)[0].lines


def test_two_scans_are_told_apart_by_their_times(tmp_path):
    """Named the wrong way round."""
    first, second = (nikon_dataset.make(tmp_path / "exp" / name, scans=[name]) for name in ("before", "after"))
    nikon_dataset.add_angles(first, "before")
    nikon_dataset.add_angles(second, "after")
    made = new([second, first], tmp_path / "out" / "exp.yaml")
    given = written(made).input
    assert (given.forward, given.backward) == ("before/before.xtekct", "after/after.xtekct")
    assert "told by the times at which they began" in made.lines[-1]
    assert check(made.path)[0].error is None


def test_folders_within_the_folder(tmp_path):
    for name in ("before", "after"):
        nikon(tmp_path / "exp" / name, scans=[name])
    (tmp_path / "exp" / "notes").mkdir()
    made = new([tmp_path / "exp"])
    given = written(made).input
    assert (given.folder, given.forward, given.backward) == (str(tmp_path / "exp"), "before/before.xtekct", "after/after.xtekct")
    assert check(made.path)[0].error is None


def test_a_scan_beside_another_hdf5_file(tmp_path):
    path = hdf5_dataset.data_exchange(tmp_path / "scan" / "scan.h5")
    (path.parent / "volume.h5").write_bytes(b"none")
    made = new([path.parent])
    assert written(made).input.forward == "scan.h5"
    assert any("not read: " in line and "volume.h5: cannot be opened as HDF5" in line for line in made.lines)
    assert check(made.path)[0].error is None


def test_two_scans_without_times_are_taken_in_their_order(tmp_path):
    folders = [nikon_dataset.make(tmp_path / "exp" / name, scans=["scan"]) for name in ("b", "a")]
    made = new(folders)
    given = written(made).input
    assert (given.forward, given.backward) == ("b/scan.xtekct", "a/scan.xtekct")
    assert "told by the order in which they were named, as the files have no times to tell" in made.lines[-1]


def test_scans_and_a_sequence(tmp_path):
    folder = experiment(tmp_path / "exp")
    (folder / "c" / "between.csv").rename(folder / "c" / "projections.csv")
    for name in ("a", "b"):  # a full scan has many more views
        table = folder / name / "projections.csv"
        head, rows = table.read_text().split("kind\n")
        views = [row for row in rows.splitlines() if row.endswith("projection")]
        more = [row.replace(".tif,", f"_{i}.tif,") for i in range(3) for row in views]
        for i in range(3):
            for path in list((folder / name).glob("projections_?.tif")):
                (folder / name / f"{path.stem}_{i}.tif").write_bytes(path.read_bytes())
        table.write_text(f"{head}kind\n{rows}" + "\n".join(more) + "\n")
    made = new([folder / name for name in "acb"])
    given = written(made).input
    assert (given.forward, given.between, given.backward) == ("a/projections.csv", "c/projections.csv", "b/projections.csv")
    assert "is in between" in made.lines[-1]


def test_three_scans_are_two_datasets_that_share_the_middle_one(tmp_path):
    made = new([nikon_dataset.make(tmp_path / "e" / name, scans=["scan"]) for name in "abc"])
    configs = resolve(yaml.safe_load(made.path.read_text()))
    scans = {name: (config.input.forward, config.input.backward) for name, config in configs.items()}
    assert scans == {"e_1": ("a/scan.xtekct", "b/scan.xtekct"), "e_2": ("b/scan.xtekct", "c/scan.xtekct")}
    assert str(made.join).endswith("xct4d join results/e_1 results/e_2")
    assert f"# Join its segments afterwards: {made.join}\n" in made.path.read_text()
    assert any(line.startswith("e_2: ") and "told by the order" in line for line in made.lines)
    assert [checked.error for checked in check(made.path)] == [None, None]


def test_a_reference_dataset_is_recognised(tmp_path):
    made = new([tiny_dataset.make(tmp_path / "ball")])
    assert written(made).input.folder == str(tmp_path / "ball")
    assert written(made).input.forward is None
    assert any(line.startswith("  between: 23 views of 32 x 24 pixels, 7 different azimuths") for line in made.lines)
    assert check(made.path)[0].error is None


def test_what_else_a_folder_could_be_is_said(tmp_path):
    folder = nikon(tmp_path / "scan", scans=["scan"])
    for name in ("transforms.json", "transforms_corrected.json"):
        (folder / name).write_text("{}")
    made = new([folder])
    assert written(made).input.forward == "scan.xtekct"
    assert any("not read as reference: " in line and "which file is the scan" in line for line in made.lines)
    made.path.unlink()
    (folder / "transforms.json").unlink()
    (folder / "transforms_corrected.json").unlink()
    with_flats(folder)
    assert any("also here: *.xtekct (nikon); to use it, name its file as input.forward" in line for line in new([folder]).lines)


WRONG = {
    "no folder": (lambda path: [path / "typo"], "no such folder"),
    "an empty folder": (lambda path: [(path / "empty").mkdir() or path / "empty"], "or write a table of images and angles"),
    "two scanners": (
        lambda path: [nikon_dataset.make(path / "e" / "a", scans=["scan"]), with_flats(path / "e" / "b")],
        "cannot be joined: nikon, table; give folders of one scanner",
    ),
    "a damaged record": (
        lambda path: [nikon_dataset.make(path / "a", scans=["scan"]), (path / "a" / "scan.xtekct").write_text("")][:1],
        "scan.xtekct: Name: is missing",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(tmp_path, capsys, case):
    make, says = WRONG[case]
    assert main(["new", *map(str, make(tmp_path))]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert not list(Path().glob("*.yaml"))


def test_nothing_is_overwritten(tmp_path):
    folder = nikon(tmp_path / "scan", scans=["scan"])
    Path("scan.yaml").write_text("mine")
    with pytest.raises(InputError, match=r"scan\.yaml: exists; remove it, or name another file with --output"):
        new([folder])
    assert Path("scan.yaml").read_text() == "mine"


def test_the_command_that_is_named_is_one_that_runs_this_workflow(tmp_path, capsys):
    assert main(["new", str(nikon(tmp_path / "scan", scans=["scan"])), "--output", "a b.yaml"]) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("run it:")]
    words = shlex.split(line.removeprefix("run it:"))
    assert Path(words[0]).name == "snakemake"
    assert Path(words[words.index("--snakefile") + 1]).samefile(ROOT / "workflow" / "Snakefile")
    assert words[-1] == "a b.yaml"


def test_from_the_checkout_no_snakefile_needs_to_be_named(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    made = new([nikon(tmp_path / "scan", scans=["scan"])], tmp_path / "c.yaml")
    assert "--snakefile" not in made.run


def test_the_command_is_installed():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["xct4d"].partition(":")
    assert getattr(import_module(module), name) is main


@pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")
def test_a_real_nikon_folder(tmp_path):
    made = new([Path(DATA) / "nikon_balls"])
    given = written(made).input
    assert (given.forward, given.intensities.air) == ("balls_ivan 2.xtekct", 255)
    assert "16 views of 2000 x 2000 pixels, azimuths 0 to -337.5 degrees" in made.lines[1]
    (checked,) = check(made.path)
    assert checked.error is None
    assert any(line.startswith("forward: 14 views are trained on, 2 held out") for line in checked.lines)
