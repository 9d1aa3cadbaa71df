"""A wrong configuration or dataset: one line that names file and key, before anything runs."""

from __future__ import annotations

import datetime
import json
import unicodedata

import numpy as np
import pytest
import yaml

from workflow import ROOT, snakemake
from xct4d.errors import InputError
from xct4d.workflow.plan import plan

# lines of Snakemake itself
CHATTER = ("Using workflow specific profile", "Config file", "Assuming unrestricted shared filesystem")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a dataset of two scans."""
    monkeypatch.chdir(tmp_path)
    for scan in ("00", "01"):
        images = tmp_path / "data" / f"images_{scan}"
        images.mkdir(parents=True)
        (images / "train_0.png").write_bytes(b"an image")
        frames = [{"file_path": f"images_{scan}/train_0.png"}]
        (tmp_path / "data" / f"transforms_{scan}.json").write_text(json.dumps({"frames": frames}))
    return tmp_path


def complaint(place, tree, source="config"):
    with pytest.raises(InputError) as caught:
        plan(tree, ROOT / "config" / "scenes", source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


FOLDER = {"d": {"input": {"folder": "data"}}}
STRETCH = {"type": "linear", "strains": [0.1, -0.05, 0.1, 0.0, 0.0, 0.0]}


def known(weight=0.1, **volume):
    return {"datasets": {"d": {"input": {"folder": "data", "forward_volume": volume}}}, "canonical": {"volume_weight": weight}}


def truth(motion=STRETCH, **volume):
    return {"datasets": {"d": {"input": {"folder": "data", "truth": {"object": volume, "motion": motion}}}}}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({}, ["config: datasets: no datasets"]),
        ({"datasets": {"a/b": {}}}, ["datasets.a/b", "letters, digits"]),
        ({"datasets": {"d": {"input": {}}}}, ["input", "give either folder", "or scene"]),
        ({"datasets": {"d": {"input": {"folder": "data", "scene": "balls"}}}}, ["input", "give either folder", "or scene"]),
        ({"datasets": {"d": {"input": {"scene": "bals"}}}}, ["datasets.d: input.scene", "no scene bals", "balls", "path of a YAML file"]),
        ({"datasets": {"d": {"input": {"scene": "lost.yaml"}}}}, ["input.scene", "lost.yaml"]),
        ({"datasets": {"d": {"input": {"folder": "lost"}}}}, ["lost", "no such folder", "input.folder"]),
        ({"datasets": {"d": {"input": {"folder": "data", "forward": "../x.json"}}}}, ["input.forward", "outside"]),
        ({"datasets": {"d": {"input": {"folder": "lost" * 100}}}}, ["lostlost", "no such folder"]),
        ({"datasets": FOLDER, "canonical": {"step": 3}}, ["canonical.step", "did you mean steps?"]),
        ({"datasets": FOLDER, "canonical": {"steps": -3}}, ["canonical.steps", "greater than or equal to 1", "-3"]),
        ({"datasets": FOLDER, "velocity": {"levels": []}}, ["velocity.levels"]),
        ({"datasets": FOLDER, "velocity": {"levels": [{"resolution": 9, "steps": 1, "learning_rate": float("nan")}]}}, ["learning_rate"]),
        ({"datasets": FOLDER, "export": {"times": [0.5, 0.5]}}, ["export", "times has a value twice"]),
        ({"datasets": FOLDER, "canonical": {"volume_weight": 0.1}}, ["datasets.d: canonical.volume_weight", "input.forward_volume"]),
        (
            {"datasets": {"d": {"input": {"scene": "tiny", "truth": {"object": {"path": "a.npy"}, "motion": {}}}}}},
            ["input.truth", "its own"],
        ),
        (
            {
                "datasets": {"d": {"input": {"folder": "data", "backward_volume": {"path": "lost.npy"}}}},
                "canonical": {"volume_weight": 0.1},
            },
            ["datasets.d: input.backward_volume.path", "data/lost.npy"],
        ),
        (
            {"datasets": {"d": {"input": {"folder": "data", "forward_volume": {"path": "a.npy"}}}}},
            ["canonical.volume_weight", "set a weight"],
        ),
        ({"datasets": FOLDER, "export": {"times": [1.5]}}, ["export.times.0", "1.5"]),
        ({"datasets": FOLDER, "mixing": {"method": "spline"}}, ["config: datasets.d: mixing.method", "no projection between", "temporal"]),
        (
            {"datasets": FOLDER, "export": {"window": [0, 2]}},
            ["datasets.d: export.window", "float32 stores attenuation as it is", "export.dtype"],
        ),
        ({"datasets": {20240115: {"input": {"folder": "data"}}}}, ["datasets.20240115: YAML reads this name as a int", "quote it"]),
        ({"datasets": {datetime.date(2024, 1, 15): {}}}, ["datasets.2024-01-15: YAML reads this name as a date", "quote it"]),
        ({"datasets": {False: {}}}, ["YAML reads this name as true or false", "quote it"]),
        ({"datasets": {"d" + "01" * 20: FOLDER["d"]}}, ["datasets.d0101", "repeats itself twenty times", "another name"]),
        ({"datasets": {"abcde-fghi" * 19 + "f" * 15: FOLDER["d"]}}, ["the name of its folder would have 205 letters", "shorten"]),
        ({"datasets": FOLDER, "sweep": {"canonical.learning_rate": ["1e-3" + "0" * 200]}}, ["datasets.d"]),
        ({"datasets": {"ä": {"input": {"folder": "data"}}}}, ["datasets.ä", "ASCII letters, digits"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_configuration(place, tree, says):
    line = complaint(place, tree)
    assert all(part in line for part in says), line


def test_braces_in_names(place):
    (place / "data" / "images_01" / "train_0.png").rename(place / "data" / "images_01" / "train{0}.png")
    (place / "data" / "transforms_01.json").write_text(json.dumps({"frames": [{"file_path": "images_01/train{0}.png"}]}))
    line = "config: datasets.d: input: data/images_01/train{0}.png has a brace in its name, which Snakemake takes for a wildcard; rename it"
    assert complaint(place, {"datasets": FOLDER}) == line
    (place / "data").rename(place / "run<3>")
    assert "run<3>/transforms_00.json has an angle bracket in its name, which Snakemake takes for a variable" in complaint(
        place, {"datasets": {"d": {"input": {"folder": "run<3>"}}}}
    )
    (place / "run<3>").rename(place / "run{3}")
    assert "run{3}/transforms_00.json has a brace" in complaint(place, {"datasets": {"d": {"input": {"folder": "run{3}"}}}})


@pytest.mark.parametrize(("listed", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_with_accents_that_are_composed_otherwise(place, listed, stored):
    on_disk = place / "data" / "images_01" / unicodedata.normalize(stored, "Gerüst_é.png")
    (place / "data" / "images_01" / "train_0.png").rename(on_disk)
    frames = [{"file_path": unicodedata.normalize(listed, "images_01/Gerüst_é.png")}]
    (place / "data" / "transforms_01.json").write_text(json.dumps({"frames": frames}))
    planned = plan({"datasets": FOLDER}, ROOT / "config" / "scenes")["d"]
    assert str(on_disk.relative_to(place)) in planned.state_files["backward"]


def test_missing_image(place):
    (place / "data" / "images_01" / "train_0.png").unlink()
    assert complaint(place, {"datasets": FOLDER}) == (
        "data/transforms_01.json: frames: there is no image data/images_01/train_0.png; restore the file or remove its frame"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", ["transforms_00.json", "not valid JSON", "line 1"]),
        ('{"frames": []}', ["transforms_00.json: frames", "at least one"]),
        ('{"frames": [{"file_path": "../../etc/passwd"}]}', ["transforms_00.json: frames[0].file_path", "outside"]),
        (json.dumps({"frames": [{"file_path": "a" * 300}]}), ["transforms_00.json: frames[0].file_path", "File name too long"]),
        (json.dumps({"frames": [{"file_path": "a\nb.png"}]}), ["transforms_00.json: frames", "there is no image data/a b.png"]),
        ('{"frames": [{"path": "a.png"}]}', ["transforms_00.json: frames[0].file_path", "is missing"]),
    ],
)
def test_unreadable_transforms(place, text, says):
    (place / "data" / "transforms_00.json").write_text(text)
    line = complaint(place, {"datasets": FOLDER})
    assert all(part in line for part in says), line


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        (known(path="v.raw", shape=[4, 4, 4], dtype="uint16"), ["datasets.d: input.forward_volume", "v.raw: has 100 bytes", "need 128"]),
        (known(path="v.raw"), ["datasets.d: input.forward_volume", "does not tell its shape and dtype"]),
        (known(path="cut.npy"), ["datasets.d: input.forward_volume.path: data/cut.npy: ends before its 8 x 8 x 8 voxels"]),
        (known(path="flat.npz"), ["datasets.d: input.forward_volume.path: data/flat.npz: holds float64 of shape (4, 4)"]),
        (known(path="named.npz"), ["data/named.npz: has no array vol"]),
        (known(path="odd.yaml"), ["datasets.d: input.forward_volume.path: data/odd.yaml: type", "did you mean sphere?"]),
        (known(path="v.mat"), ["datasets.d: input.forward_volume.path: v.mat is not a volume"]),
        (truth(path="v.raw"), ["datasets.d: input.truth.object", "does not tell its shape and dtype"]),
        (truth(path="odd.yaml"), ["datasets.d: input.truth.object.path: data/odd.yaml: type", "did you mean sphere?"]),
        (truth(motion={"type": "linaer"}, path="ball.yaml"), ["datasets.d: input.truth.motion.type", "did you mean linear?"]),
        (truth(motion={**STRETCH, "strains": 1}, path="ball.yaml"), ["datasets.d: input.truth.motion.strains"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_volumes_that_only_the_end_of_the_run_would_read(place, tree, says):
    data = place / "data"
    np.save(data / "cut.npy", np.ones((8, 8, 8)))
    (data / "cut.npy").write_bytes((data / "cut.npy").read_bytes()[:500])
    np.savez(data / "flat.npz", vol=np.ones((4, 4)))
    np.savez(data / "named.npz", volume=np.ones((4, 4, 4)))
    (data / "v.raw").write_bytes(bytes(100))
    (data / "v.mat").write_bytes(bytes(100))
    (data / "odd.yaml").write_text("{type: spher, center: [0, 0, 0], radius: 0.3, rho: 1.0}\n")
    (data / "ball.yaml").write_text("{type: sphere, center: [0, 0, 0], radius: 0.3, rho: 1.0}\n")
    line = complaint(place, tree)
    assert all(part in line for part in says), line


@pytest.mark.parametrize(
    "tree",
    [
        {"datasets": FOLDER, "canonical": {"step": 3}},
        {"datasets": {"d": {"input": {"folder": "lost"}}}},
        {"datasets": FOLDER, "mixing": {"method": "spline"}},
    ],
)
def test_the_command_prints_that_line_alone_and_writes_nothing(place, tree):
    (place / "config.yaml").write_text(yaml.safe_dump(tree))
    done = snakemake("--cores", "1", "--configfile", "config.yaml", cwd=place)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(CHATTER)]
    assert (done.returncode, lines) == (1, [complaint(place, tree, "config.yaml")])
    assert not (place / "results").exists()
