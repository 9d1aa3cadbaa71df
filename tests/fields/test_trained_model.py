"""A trained model as one argument: what belongs together, and what a job of the workflow hands over."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from xct4d.config import HashGrid, Mixing
from xct4d.fields.density import DensityField
from xct4d.fields.evolution import Evolution
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixers.registry import MIXERS, trained_mixer
from xct4d.fields.mixers.spline import SplineMixer
from xct4d.fields.trained_model import TrainedModel, trainings_of_job
from xct4d.fields.velocity import VelocityField

F, B, V, M = map(Path, ("forward", "backward", "velocity", "mixing"))


@pytest.mark.parametrize(
    "parts",
    [
        {"backward": B},
        {"velocity": V, "mixing": Mixing()},
        {"backward": B, "velocity": V},
        {"backward": B, "mixing": Mixing()},
        {"mixer": M},
    ],
    ids=lambda parts: ",".join(parts),
)
def test_a_part_without_the_others_is_refused(parts):
    with pytest.raises(ValueError, match=r"belong together|needs? (two canonicals|a velocity)"):
        TrainedModel(forward=F, **parts)


def test_the_inputs_of_a_job():
    settings = Mixing(method="constant", alpha=0.3).model_dump(mode="json")
    files = SimpleNamespace(canonical_forward="forward", canonical_backward="backward", velocity=["velocity/6", "velocity/9"], mixing=[])
    whole = TrainedModel(forward=F, backward=B, velocity=V / "9", mixing=Mixing(method="constant", alpha=0.3))
    assert TrainedModel.of_job(files, settings) == whole
    one_level = SimpleNamespace(**vars(files) | {"velocity": "velocity/9", "mixing": "mixing"})
    assert TrainedModel.of_job(one_level, settings).velocity == V / "9"
    assert TrainedModel.of_job(one_level, settings).mixer == M
    static = SimpleNamespace(canonical_forward="forward", canonical_backward=[], velocity=[], mixing=[])
    assert TrainedModel.of_job(static, settings) == TrainedModel(forward=F)
    followed = SimpleNamespace(canonical_forward="forward", canonical_backward=[], velocity=["velocity/6"], mixing=[])
    assert TrainedModel.of_job(followed, settings) == TrainedModel(forward=F, velocity=V / "6")


def test_the_trainings_behind_a_job():
    files = SimpleNamespace(
        canonical_forward="forward", canonical_backward="backward", velocity=["velocity/6", "velocity/9"], mixing="mixing"
    )
    titles = {"canonical forward": F, "canonical backward": B, "velocity 6": V / "6", "velocity 9": V / "9", "mixing": M}
    assert trainings_of_job(files) == titles
    refined = SimpleNamespace(**vars(files) | {"velocity": ["velocity/6", "refined/motion"], "mixing": []})
    assert list(trainings_of_job(refined))[2:] == ["velocity 6", "refinement"]
    one_level = SimpleNamespace(**vars(files) | {"velocity": "velocity/9", "mixing": []})
    assert list(trainings_of_job(one_level)) == ["canonical forward", "canonical backward", "velocity 9"]
    static = SimpleNamespace(canonical_forward="forward", canonical_backward=[], velocity=[], mixing=[])
    assert trainings_of_job(static) == {"canonical forward": F}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("model")
    for name in ("forward", "backward", "velocity", "mixing"):
        (place / name).mkdir()
        FlatField.constant({"mixing": 0.5, "velocity": 0.25}.get(name, 1.0)).save(place / name / "flatfield.safetensors")
    field = DensityField(HashGrid(levels=2, log2_size=8, coarsest=4, finest=8, width=8))
    field.initialise(torch.Generator().manual_seed(0))
    for name in ("forward", "backward"):
        field.save(place / name / "field.safetensors")
    VelocityField(5, 4, longest_step=0.5, solver="euler").save(place / "velocity" / "field.safetensors")
    mixer = SplineMixer(5, 4)
    with torch.no_grad():
        mixer.control.fill_(1.0)
    mixer.save(place / "mixing" / "field.safetensors")
    return {name: place / name for name in ("forward", "backward", "velocity")} | {"mixer": place / "mixing"}


POINTS = torch.zeros(3, 3)


def loaded(folders, **mixing):
    return Evolution.load(TrainedModel(**folders, mixing=Mixing(**mixing)))


def test_an_untrained_mixer_has_its_own_settings(folders):
    untrained = {name: folder for name, folder in folders.items() if name != "mixer"}
    for alpha in (0.1, 0.9):
        model = loaded(untrained, method="constant", alpha=alpha)
        assert model.alpha(POINTS, 0.5) == pytest.approx(torch.full((3,), alpha))
        assert not model.mixing_is_trained
        assert model.flat_field(0.5) == pytest.approx(-torch.log(torch.tensor(0.25)).item())  # the velocity's


def test_a_trained_mixer_is_read_from_its_folder(folders):
    model = loaded(folders, method="spline", resolution=9)  # the file knows its own
    assert model.mixing_is_trained
    assert model.alpha(POINTS, 0.5) == pytest.approx(torch.sigmoid(torch.ones(3)))
    assert model.flat_field(0.5) == pytest.approx(-torch.log(torch.tensor(0.5)).item())  # the mixing's


def test_every_method_of_the_configuration_has_a_mixer():
    methods = Mixing.model_json_schema()["properties"]["method"]["enum"]
    assert set(MIXERS) == set(methods)
    for method in methods:
        alpha = MIXERS[method].from_settings(Mixing(method=method))(POINTS, 0.25)
        assert alpha.shape == (3,)
        assert 0 <= float(alpha[0].detach()) <= 1
    with pytest.raises(ValueError, match="temporal is not trained"):
        trained_mixer("temporal")


def test_without_a_second_scan_the_first_is_carried_alone(folders):
    both, alone = loaded(folders, method="spline"), Evolution.load(TrainedModel(forward=folders["forward"], velocity=folders["velocity"]))
    assert (alone.static, alone.mixes, alone.kinds, alone.scans) == (False, False, ("forward",), {"forward": 0.0})
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    assert torch.equal(alone.result(points, 0.5), both.attenuation(points, 0.5, ["forward"])["forward"])
    assert torch.equal(alone.flow(points, 0.5, 0.0), both.flow(points, 0.5, 0.0))
    assert (both.cells(0.5) | ~alone.cells(0.5)).all()
    assert alone.flat_field(0.5) == pytest.approx(-math.log(0.25))
