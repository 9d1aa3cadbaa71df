"""Another sequence between the scans of a scene."""

import json

import imageio.v3 as imageio
import numpy as np
import pytest
import yaml
from preparation import complaint

from xct4d.config import Input, Setup
from xct4d.readers.dataset import open_dataset
from xct4d.stages.expose import expose
from xct4d.stages.simulate import simulate

SCENE = {
    "object": {"type": "sphere", "center": [0.3, 0.0, 0.1], "radius": 0.3, "rho": 1.0},
    "motion": {"type": "rigid", "displacements": [0.2, 0.0, 0.1]},
    "times": 4,
    "views": {
        "ends": {"azimuths": 3},
        "ends_held_out": {"azimuths": [10]},
        "between": {"azimuths": [90, 180]},
        "between_held_out": {"azimuths": [45]},
    },
    "detector": {"resolution": 24, "bits": 16, "photons": 40000.0},
    "flat_field": [0.1],
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    (folder / "scene.yaml").write_text(yaml.safe_dump(SCENE))
    simulate(folder / "scene.yaml", folder / "simulated")
    return folder


def exposed(folder, name, **setup):
    expose(folder / "scene.yaml", Setup(**setup), folder / "simulated", folder / name)
    return folder / name


def test_the_scans_are_those_of_the_scene_whatever_the_number_of_times(simulated):
    made = exposed(simulated, "many", times=121, sources=1)
    for own, other in (("images_00", "images_000"), ("images_03", "images_120")):
        for image in sorted((simulated / "simulated" / own).iterdir()):
            assert (made / other / image.name).samefile(image)  # not a byte was computed or copied
    assert len(list(made.glob("images_*/train_*.png"))) == 2 * 3 + 119


def test_the_sequence_has_the_noise_of_its_own_photons(simulated):
    few, many = (exposed(simulated, f"p{photons:g}", photons=photons) for photons in (2000.0, 1e9))
    names = [path.relative_to(few) for path in sorted(few.glob("images_0[12]/train_*.png"))]
    noise = np.concatenate([(imageio.imread(few / n).astype(float) - imageio.imread(many / n)).ravel() for n in names]) / 65535
    transmission = np.concatenate([imageio.imread(many / n).ravel() for n in names]) / 65535
    assert noise.std() == pytest.approx(np.sqrt(transmission.mean() / 2000), rel=0.05)


def test_it_is_a_dataset_with_both_scans_and_the_new_cameras(simulated):
    dataset = open_dataset(exposed(simulated, "three", sources=3, first_deg=0.0), Input(folder="three"))
    counts = {state: len(one.projections) for state, one in dataset.acquisitions.items()}
    assert counts == {"forward": 4, "backward": 4, "between": 2 * 4 + 2 * 4}
    frames = json.loads((simulated / "three" / "transforms_00_to_03.json").read_text())["frames"]
    trained = [frame for frame in frames if frame["file_path"].startswith("images_01/train")]
    places = np.array([frame["transform_matrix"] for frame in trained])[:, :2, 3]
    assert np.rad2deg(np.arctan2(places[:, 1], places[:, 0])) == pytest.approx([0, 60, 120])


def test_the_same_set_up_gives_the_same_bytes(simulated):
    first, second = (exposed(simulated, name, sources=1, exposure=0.1) for name in ("a", "b"))
    assert (first / ".digests.json").read_bytes() == (second / ".digests.json").read_bytes()


def test_damaged_scans_are_not_taken(simulated, tmp_path):
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(SCENE))
    simulate(tmp_path / "scene.yaml", tmp_path / "simulated")
    image = tmp_path / "simulated" / "images_00" / "train_00.png"
    image.write_bytes(image.read_bytes()[:-1])
    assert "train_00.png" in complaint(expose, tmp_path / "scene.yaml", Setup(sources=1), tmp_path / "simulated", tmp_path / "out")
    assert not (tmp_path / "out").exists()
