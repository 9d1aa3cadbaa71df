"""Scans and motion trained together: scans that were wrong come nearer to the truth, and take the canonicals' place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from squeezed_balls import frames, thing

from xct4d.config import HashGrid, Refinement
from xct4d.directions import SCAN_TIME
from xct4d.fields.baked import BakedField
from xct4d.fields.density import DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.io import prepared
from xct4d.stages.refine import KEPT, refine

REST = {"type": "rigid", "displacements": [0.0, 0.0, 0.0]}
N, WEAK = 32, 0.8
SETTINGS = Refinement(steps=250, rays=256, samples=32, schedule={"learning_rate": 2e-2, "final": 1e-3}, motion_learning_rate=1e-3)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Balls at rest: their projections, canonicals that are too weak by a fifth, and a velocity field of no motion."""
    folder = tmp_path_factory.mktemp("refine")
    truth = thing(REST)
    shots = {
        "forward": [(a, 0.0) for a in range(0, 360, 45)],
        "backward": [(a, 1.0) for a in range(5, 365, 45)],
        "between": [(17, 0.5), (107, 0.5)],
    }
    for state, own in shots.items():
        (folder / state).mkdir()
        prepared.save(frames(truth, *zip(*own, strict=True)), folder / state)
    canonicals = {direction: folder / f"canonical_{direction}" for direction in SCAN_TIME}
    for output in canonicals.values():
        output.mkdir()
        field = DensityField(HashGrid(levels=1, log2_size=8, coarsest=4, finest=4, width=8), torch.from_numpy(WEAK * truth.volume(N, 0.0)))
        field.initialise(torch.Generator().manual_seed(0))
        field.find_empty_cells(np.random.default_rng(0))
        field.save(output / "field.safetensors")
        BakedField.bake(field, N).save(output / "baked.safetensors")
        FlatField.constant(1.0).save(output / "flatfield.safetensors")
        for name in KEPT[1:]:
            (output / name).write_text("{}")
    (folder / "velocity").mkdir()
    VelocityField(6, 4, longest_step=0.5, solver="midpoint").save(folder / "velocity" / "field.safetensors")
    FlatField.between(0.0, 0.0, 4).save(folder / "velocity" / "flatfield.safetensors")
    return folder, {state: folder / state for state in shots}, canonicals, truth.volume(N, 0.0)


def refined(inputs, name, settings=SETTINGS):
    folder, states, canonicals, _ = inputs
    outputs = {part: folder / name / part for part in (*SCAN_TIME, "motion")}
    refine(settings, states, canonicals, folder / "velocity", outputs, folder / f"{name}.checkpoint", folder / "board" / name)
    return outputs


def test_weak_scans_become_as_strong_as_their_projections_say(inputs):
    outputs, truth = refined(inputs, "whole"), inputs[3]
    for direction in SCAN_TIME:
        volume = BakedField.load(outputs[direction] / "baked.safetensors").volume.numpy()
        strength = float((volume * truth).sum() / (truth * truth).sum())
        assert strength == pytest.approx(1, abs=0.07)  # of 0.8
        assert volume.min() >= 0
        assert np.corrcoef(volume.ravel(), truth.ravel())[0, 1] > 0.97
        assert {path.name for path in outputs[direction].iterdir()} >= {"field.safetensors", "baked.safetensors", *KEPT}


def test_the_field_and_its_voxels_are_the_same(inputs):
    output = refined(inputs, "same", SETTINGS.model_copy(update={"steps": 5}))["forward"]
    field = DensityField.load(output / "field.safetensors")
    assert torch.equal(BakedField.bake(field, N).volume, BakedField.load(output / "baked.safetensors").volume)
    before = DensityField.load(inputs[2]["forward"] / "field.safetensors")
    points = torch.rand(2000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        assert 0 < (field.evaluate(points) - before.evaluate(points)).abs().max() < 0.5 * before.evaluate(points).max()


@pytest.mark.parametrize(("rate", "stays"), [(0.0, True), (1e-2, False)])
def test_the_motion_is_trained_where_it_has_a_rate(inputs, rate, stays):
    settings = SETTINGS.model_copy(update={"steps": 40, "motion_learning_rate": rate, "evaluate_every": 100})
    motion = VelocityField.load(refined(inputs, f"motion_{rate}", settings)["motion"] / "field.safetensors")
    assert (not motion.control.any()) == stays


def test_each_scan_s_own_projections_are_predicted_from_it_alone(inputs, monkeypatch):
    """And of the others from both: no flow is computed where nothing has moved."""
    carried = []
    flow_together = VelocityField.flow_together

    def watched(self, groups, spans):
        if torch.is_grad_enabled():
            carried.extend(spans)
        return flow_together(self, groups, spans)

    monkeypatch.setattr(VelocityField, "flow_together", watched)
    refined(inputs, "watched", SETTINGS.model_copy(update={"steps": 40, "smoothness_weight": 0.0, "evaluate_every": 100}))
    assert set(carried) == {(0.5, 0.0), (0.5, 1.0)}


def test_a_killed_refinement_goes_on_bit_for_bit(inputs, monkeypatch):
    settings = SETTINGS.model_copy(update={"steps": 6, "checkpoint_every": 2})
    undisturbed = refined(inputs, "undisturbed", settings)
    from xct4d.io.checkpoint import Checkpoint

    save, saved = Checkpoint.save, []

    def once(self, *arguments):
        save(self, *arguments)
        saved.append(1)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", once)
    with pytest.raises(KeyboardInterrupt):
        refined(inputs, "killed", settings)
    resumed = refined(inputs, "killed", settings)
    for part, file in (("forward", "baked"), ("backward", "field"), ("motion", "field")):
        assert (resumed[part] / f"{file}.safetensors").read_bytes() == (undisturbed[part] / f"{file}.safetensors").read_bytes()
