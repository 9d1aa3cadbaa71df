"""The training tasks, run by their stages on a small dataset: what their settings change, and what they record."""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from small_frames import frames_at
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_dataset import centre, make

from xct4d import config
from xct4d.fields.baked import BakedField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixers.registry import trained_mixer
from xct4d.fields.velocity import VelocityField
from xct4d.io import digests
from xct4d.stages.canonical import canonical
from xct4d.stages.mixing import mixing
from xct4d.stages.prepare import prepare
from xct4d.stages.refine import refine
from xct4d.stages.velocity import velocity
from xct4d.training.sampling.rays import draw, time_points
from xct4d.training.tasks.velocity import choose, time_horizon

ENDS = ("forward", "backward")
STEPS = 21  # of which 0, 10 and 20 are recorded
COMPARED = 10  # after steps 9, 19 and 20
FITTED = {"train": True, "penalty": 10.0, "learning_rate": 1e-2}
FIXED = {"train": False}
SMALL = {"rays": 32, "samples": 8, "evaluate_every": COMPARED}
CANONICAL = SMALL | {
    "steps": STEPS, "grid": {"levels": 2, "log2_size": 8, "coarsest": 4, "finest": 16, "width": 8},
    "bake": 16, "volume_weight": 1e-3, "flat_field": FITTED,
}  # fmt: skip
LEVEL = {"resolution": 5, "steps": STEPS, "learning_rate": 1e-2, "smoothness_weight": 0.1, "strain_weight": 100.0}
PLAIN = LEVEL | {"smoothness_weight": 0.0, "strain_weight": 0.0}
VELOCITY = SMALL | {"points": 512, "volume_weight": 0.5, "mismatch_weight": 50.0, "flat_field": FITTED}
REFINEMENT = SMALL | {"steps": STEPS, "smoothness_weight": 10.0}
MIXING = SMALL | {"method": "spline", "resolution": 5, "steps": STEPS, "flat_field": FITTED}


class Trained:
    """Outputs of the stages, each a folder of its own, with TensorBoard's beside it."""

    def __init__(self, folder: Path):
        given = config.Input(folder=str(make(folder / "dataset")))
        self.folder = folder
        self.prepared = {state: folder / state for state in (*ENDS, "between")}
        for state, output in self.prepared.items():
            prepare(folder / "dataset", given, config.Prepare(target_size=None), state, output)
        self.known = np.random.default_rng(0).random((16, 16, 16), np.float32)
        self.ends = {end: self.canonical(f"canonical_{end}", end) for end in ENDS}
        self.motion = self.velocity("velocity", LEVEL)
        self.refined = self.refine("refine")
        self.mixer = self.mixing("mixing")

    def _places(self, name: str) -> tuple[Path, Path, Path]:
        return self.folder / name, self.folder / f"{name}.checkpoint", self.board(name)

    def board(self, name: str) -> Path:
        return self.folder / "board" / name

    def canonical(self, name: str, end: str = "forward", **changes) -> Path:
        canonical(config.Canonical(**CANONICAL | changes), self.prepared[end], *self._places(name), volume=self.known)
        return self.folder / name

    def velocity(self, name: str, level: dict, ends: dict[str, Path] | None = None, **changes) -> Path:
        settings = config.Velocity(**VELOCITY | {"levels": [level]} | changes)
        velocity(settings, settings.levels[0], self.prepared, ends or self.ends, None, *self._places(name))
        return self.folder / name

    def refine(self, name: str, **changes) -> dict[str, Path]:
        outputs = {part: self.folder / name / part for part in (*ENDS, "motion")}
        _, checkpoint, board = self._places(name)
        refine(config.Refinement(**REFINEMENT | changes), self.prepared, self.ends, self.motion, outputs, checkpoint, board)
        return outputs

    def mixing(self, name: str, **changes) -> Path:
        mixing(config.Mixing(**MIXING | changes), self.prepared, self.ends, self.motion, *self._places(name))
        return self.folder / name


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Every stage once, with every term of its loss; on coarser rasters than in earnest, which would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for raster in (
            "fields.occupancy.CELLS",
            *(f"training.tasks.{task}.INSPECTED_VOXELS" for task in ("canonical", "mixing")),
            "training.inspection.motion.VOXELS",
        ):
            patch.setattr(f"xct4d.{raster}", 8)
        yield Trained(tmp_path_factory.mktemp("stages"))


def history(output: Path) -> dict[str, np.ndarray]:
    return {name: np.array(curve) for name, curve in json.loads((output / "history.json").read_text()).items()}


def events(board: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(board))
    accumulator.Reload()
    return accumulator


def assert_sum(total: np.ndarray, parts: list[np.ndarray]) -> None:
    """The parts add up, and none is so small that the sum would be the same without it."""
    assert total == pytest.approx(np.sum(parts, 0), rel=1e-5)
    assert all(part.max() > 1e-4 * total.max() for part in parts)


def test_the_canonical_s_loss_is_the_weighted_sum_of_its_terms(trained):
    curves = history(trained.ends["forward"])
    assert curves["step"].tolist() == [0, 10, 20]
    # f after step 9 is that of step 10; it begins with the dataset's, 1
    after = [event.value for event in events(trained.board("canonical_forward")).Scalars("flat_field/f")]
    f = np.array([0.0, after[9], after[19]])
    assert_sum(curves["loss"], [curves["projection"], 1e-3 * curves["volume"], 10 * f**2])


def test_the_velocity_s_loss_is_the_weighted_sum_of_its_terms(trained):
    curves = history(trained.motion)
    weights = {"projection": 1.0, "volume": 0.5, "mismatch": 50.0, "strain": 100.0, "smoothness": 0.1, "flat_field": 10.0}
    assert_sum(curves["loss"], [weight * curves[name] for name, weight in weights.items()])


def test_the_refinement_s_loss_is_the_weighted_sum_of_its_terms(trained):
    curves = history(trained.refined["motion"])
    assert_sum(curves["loss"], [curves["projection"], 10 * curves["smoothness"]])


def test_the_mixing_s_loss_is_the_weighted_sum_of_its_terms(trained):
    curves = history(trained.mixer)
    assert_sum(curves["loss"], [curves["projection"], 10 * curves["flat_field"]])


def flat_field(output: Path) -> torch.Tensor:
    return FlatField.load(output / "flatfield.safetensors").control.detach()


def test_a_flat_field_is_fitted_only_where_it_is_asked_for(trained):
    start, stop = (float(flat_field(trained.ends[end])) for end in ENDS)
    assert start != 0  # the dataset's, 1
    assert flat_field(trained.canonical("canonical_fixed", flat_field=FIXED, steps=2)).tolist() == [0.0]
    between = FlatField.between(start, stop, len(flat_field(trained.motion))).control.detach()
    assert not torch.equal(flat_field(trained.motion), between)
    assert torch.equal(flat_field(trained.velocity("velocity_fixed", PLAIN | {"steps": 2}, flat_field=FIXED)), between)
    assert not torch.equal(flat_field(trained.mixer), flat_field(trained.motion))
    assert torch.equal(flat_field(trained.mixing("mixing_fixed", flat_field=FIXED, steps=2)), flat_field(trained.motion))


HELD_OUT = {
    "canonical_forward": ["00"],
    "velocity": ["01", "02", "03"],
    "refine": ["00", "02", "04"],
    "mixing": ["01", "02", "03"],
}  # numbers of the time points
CURVES = {
    "canonical_forward": {"training/volume", "training/flat_field"},
    "velocity": {f"training/{term}" for term in ("volume", "mismatch", "strain", "smoothness", "flat_field")},
    "refine": {"training/smoothness"},
    "mixing": {"training/flat_field"},
}
GROUPS = {"refine": {"learning_rate_forward", "learning_rate_backward", "learning_rate_motion"}}
F_OF_T = {"flat_field/t0", "flat_field/t0.5", "flat_field/t1"}
WATCHED = {"correlation/t0", "correlation/t1", "directions/correlation", "directions/mean_squared_difference"}
WATCHED |= F_OF_T | {"displacement/mean", "displacement/largest"}
FIGURES = {
    "canonical_forward": {"flat_field/f", "correlation/known_volume"},
    "velocity": WATCHED,
    "refine": WATCHED,
    "mixing": {f"alpha/mean_t{t}" for t in (0.25, 0.5, 0.75)} | F_OF_T,
}
SEEN = {"slices", "displacement", "directions/difference"}
PICTURES = {
    "canonical_forward": {"slices"},
    "velocity": SEEN,
    "refine": SEEN,
    "mixing": {"slices", "alpha/t0.25", "alpha/t0.5", "alpha/t0.75"},
}


@pytest.mark.parametrize("stage", ["canonical_forward", "velocity", "refine", "mixing"])
def test_tensorboard_has_every_curve_and_picture_of_a_stage(trained, stage):
    board = events(trained.board(stage))
    rates = GROUPS.get(stage, {"learning_rate", "learning_rate_flat_field"})
    common = {f"training/{name}" for name in ("loss", "projection", *rates)}
    scored = {"held_out/psnr", "held_out/ssim"}
    assert set(board.Tags()["scalars"]) == common | scored | {"speed/rays_per_second"} | CURVES[stage] | FIGURES[stage]
    held_out = {f"{what}/images_{number}/eval_00.png" for number in HELD_OUT[stage] for what in ("held_out", "difference")}
    assert set(board.Tags()["images"]) == held_out | PICTURES[stage]
    for name in board.Tags()["scalars"]:
        steps = [event.step for event in board.Scalars(name)]
        if name in FIGURES[stage]:
            assert steps == list(range(STEPS))  # up to 20 of a training, and the last
        else:
            assert steps == ([0, 10, 20] if name.startswith("training/") else [9, 19, 20] if name in scored else [10, 20])
    assert all([event.step for event in board.Images(name)] == [9, 19, 20] for name in board.Tags()["images"])


def test_tensorboard_shows_the_configuration(trained):
    (event,) = events(trained.board("velocity")).Tensors("configuration/text_summary")
    shown = yaml.safe_load(textwrap.dedent(event.tensor_proto.string_val[0].decode()))
    assert (shown["level"]["steps"], shown["velocity"]["rays"], shown["seed"]) == (STEPS, SMALL["rays"], 0)


def test_the_figures_of_a_motion_are_those_of_its_scans(trained):
    """The last of the curves, against the field and the scans as they are stored."""
    scans = {end: BakedField.load(output / "baked.safetensors") for end, output in trained.ends.items()}
    field = VelocityField.load(trained.motion / "field.safetensors")
    rng = np.random.default_rng(5)
    points = torch.from_numpy(rng.uniform(-1, 1, (20000, 3)).astype(np.float32))
    with torch.no_grad():
        at_end = scans["forward"](field.flow(points, 1.0, 0.0)), scans["backward"](points)
    board = events(trained.board("velocity"))
    last = {name: board.Scalars(name)[-1].value for name in FIGURES["velocity"]}
    assert last["correlation/t1"] == pytest.approx(np.corrcoef(*at_end)[0, 1], abs=0.05)
    assert 0 < last["displacement/mean"] < last["displacement/largest"] < 1
    f = FlatField.load(trained.motion / "flatfield.safetensors")
    assert [last[f"flat_field/t{t:g}"] for t in (0, 0.5, 1)] == pytest.approx([f.level(t) for t in (0, 0.5, 1)])


def test_directions_take_turns_and_early_times_come_first(trained, monkeypatch):
    flow, carried = VelocityField.flow_together, []

    def watched(self, groups, spans):
        if torch.is_grad_enabled():
            carried.extend(spans)
        return flow(self, groups, spans)

    monkeypatch.setattr(VelocityField, "flow_together", watched)
    trained.velocity("directions", PLAIN | {"steps": 20}, volume_weight=0, mismatch_weight=0, early_times_first=0.5)
    times, scan_times = np.array(carried).T
    assert scan_times.tolist() == [0.0, 1.0] * 10
    distance = abs(times - scan_times)
    assert (distance <= np.maximum((np.arange(20) + 1) / 10, 0.25)).all()
    assert set(distance[:4]) == {0.25}
    assert {0.75, 1.0} <= set(distance)


def test_early_times_come_first_for_as_many_steps_as_are_asked_for():
    settings = config.Velocity(early_times_first=0.5)
    assert [time_horizon(settings, step, 8) for step in range(8)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert time_horizon(config.Velocity(early_times_first=0.0), 0, 8) == 1.0


def test_a_time_point_is_chosen_within_the_horizon_and_never_at_its_own_end():
    training = time_points([frames_at([0.0, 0.25, 0.5, 0.75, 1.0])])
    rng = np.random.default_rng(0)

    def chosen(scan_time, horizon):
        return {choose(training, scan_time, horizon, rng).mean_time for _ in range(100)}

    assert chosen(0.0, 0.5) == {0.25, 0.5}
    assert chosen(1.0, 0.5) == {0.5, 0.75}
    assert chosen(0.0, 1.0) == {0.25, 0.5, 0.75, 1.0}
    assert chosen(1.0, 0.01) == {0.75}  # the nearest, where none is within the horizon


def test_at_most_so_many_projections_of_a_time_teach_the_motion(trained, monkeypatch):
    drawn = []

    def watched(time_point, *rest):
        drawn.append(time_point.frames.tolist())
        return draw(time_point, *rest)

    monkeypatch.setattr("xct4d.training.tasks.velocity.draw", watched)
    trained.velocity("few", PLAIN | {"steps": 8}, early_times_first=0, max_images_per_time=2)
    assert max(map(len, drawn)) == 2
    assert [0, 5] in drawn  # of the six of a scan


def test_a_level_sees_its_volumes_blurred_as_asked(trained, tmp_path):
    blurred = {end: shutil.copytree(output, tmp_path / end) for end, output in trained.ends.items()}
    for output in blurred.values():
        BakedField.load(output / "baked.safetensors").blurred(0.2).save(output / "baked.safetensors")
        (output / digests.NAME).unlink()
    once = PLAIN | {"steps": 1}
    (sharp,) = history(trained.velocity("sharp", once))["projection"]
    (asked,) = history(trained.velocity("asked", once | {"blur": 0.2}))["projection"]
    (given,) = history(trained.velocity("given", once, ends=blurred))["projection"]
    assert asked == pytest.approx(given)
    assert asked != pytest.approx(sharp, rel=0.01)


def test_what_a_level_has_of_its_own_goes_before_the_section_and_into_the_checkpoint(trained):
    once = PLAIN | {"steps": 3}
    own = {"rays": 16, "samples": 4, "ode_step": 0.3, "solver": "euler"}
    alone = VelocityField.load(trained.velocity("by_section", once, **own) / "field.safetensors")
    other = VelocityField.load(trained.velocity("by_level", once) / "field.safetensors")
    # the checkpoint of the finished training lies there still, and must not count
    found = VelocityField.load(trained.velocity("by_level", once | own) / "field.safetensors")
    assert (found.longest_step, found.solver) == (0.3, "euler")
    assert torch.equal(found.control, alone.control)
    assert not torch.equal(found.control, other.control)


def test_without_a_second_scan_the_first_is_carried_through_the_sequence(trained):
    settings = config.Velocity(
        **VELOCITY | {"levels": [LEVEL | {"steps": 60, "strain_weight": 0.0, "smoothness_weight": 0.0}], "rays": 128}
    )
    prepared = {state: folder for state, folder in trained.prepared.items() if state != "backward"}
    ends = {"forward": trained.ends["forward"]}
    velocity(settings, settings.levels[0], prepared, ends, None, *trained._places("followed"))
    curves = history(trained.folder / "followed")
    assert not {"volume", "mismatch"} & set(curves)  # which take two scans, whatever their weights
    field = VelocityField.load(trained.folder / "followed" / "field.safetensors")
    late, first = (torch.from_numpy(centre(t)).float()[None] for t in (0.75, 0.0))
    assert float((field.flow(late, 0.75, 0.0) - first).norm().detach()) < 0.6 * float((late - first).norm())
    shown = events(trained.board("followed")).Tags()
    assert not [name for name in shown["scalars"] if name.startswith(("correlation/", "directions/"))]
    assert {"slices", "displacement"} <= set(shown["images"])


@pytest.mark.parametrize("method", ["trained_constant", "trained_temporal", "trained_smoothstep", "annealed_temporal"])
def test_the_stage_trains_the_other_mixers_too(trained, method):
    output = trained.mixing(method, method=method, steps=5)
    settings = config.Mixing(method=method)
    mixer = trained_mixer(method).load(output / "field.safetensors")
    before = trained_mixer(method).from_settings(settings)
    changed = [not torch.equal(new, old) for new, old in zip(mixer.parameters(), before.parameters(), strict=True)]
    assert all(changed)


def test_annealing_ends_at_the_final_slope_also_where_nothing_is_left_to_train(trained):
    for _ in range(2):  # the second time from the checkpoint of the last step
        output = trained.mixing("annealed", method="annealed_temporal", steps=3, initial_slope=0.5, final_slope=2.5)
        assert float(trained_mixer("annealed_temporal").load(output / "field.safetensors").slope) == 2.5
