"""Configurations that are wrong give one clear line."""

import pytest
from preparation import complaint

from xct4d.config import resolve

CONFIG = {
    "unknown key": ({"velocity": {"ode_stp": 0.1}}, ["velocity.ode_stp", "did you mean ode_step"]),
    "unknown section": ({"velocty": {}}, ["velocty", "velocity"]),
    "wrong type": ({"canonical": {"steps": "many"}}, ["canonical.steps", "'many'"]),
    "negative steps": ({"canonical": {"steps": -1}}, ["canonical.steps", "-1"]),
    "unknown split": ({"input": {"split": {"method": "random"}}}, ["input.split.method", "'random'"]),
    "time outside": ({"export": {"times": [0, 1.5]}}, ["export.times.1", "1.5"]),
    "times twice": ({"export": {"times": [0.5, 0.5]}}, ["export", "twice"]),
    "falling levels": ({"velocity": {"levels": [{"resolution": n, "steps": 1, "learning_rate": 1} for n in (9, 6)]}}, ["velocity", "rise"]),
    "folder and scene": ({"input": {"scene": "balls"}}, ["input", "either folder"]),
    "falling window": ({"export": {"dtype": "uint8", "window": [5, 1]}}, ["export", "window must rise, not [5.0, 1.0]"]),
    "falling region": ({"export": {"region": {"x": [0.5, 0.1]}}}, ["export.region", "x must rise, not [0.5, 0.1]"]),
    "region outside the box": ({"analyse": {"region": {"z": [0, 2]}}}, ["analyse.region.z.1", "less than or equal to 1"]),
    "region without voxels": (
        {"export": {"resolution": 20, "region": {"y": [0, 0.1]}}},
        ["export", "holds 1 of 20 voxels along y", "widen it"],
    ),
    "region in a format without places": ({"export": {"formats": ["raw"], "region": {"x": [0, 1]}}}, ["export", "raw cannot say where"]),
    "NaN window": ({"export": {"dtype": "uint8", "window": [0, float("nan")]}}, ["export.window.1", "finite"]),
    "infinite window": ({"export": {"dtype": "uint8", "window": [0, float("inf")]}}, ["export.window.1", "finite"]),
    "grid upside down": (
        {"canonical": {"grid": {"coarsest": 16, "finest": 8}}},
        ["canonical.grid", "finest (8) must not be less than coarsest (16)"],
    ),
    "a rate that levels have": ({"velocity": {"schedule": {"learning_rate": 0.1}}}, ["velocity.schedule.learning_rate", "unknown key"]),
    "knots of a mixing": ({"mixing": {"flat_field": {"knots": 6}}}, ["mixing.flat_field.knots", "unknown key"]),
    "knots of a scan": ({"canonical": {"flat_field": {"knots": 6}}}, ["canonical.flat_field.knots", "unknown key"]),
    "truth without a motion": ({"input": {"truth": {"object": {"path": "o.yaml"}}}}, ["input.truth", "object and motion belong together"]),
    "two kinds of truth": (
        {"input": {"truth": {"object": {"path": "o"}, "motion": {}, "volumes": [{"path": "v.npy", "time": 0}]}}},
        ["input.truth", "either object and motion, or volumes"],
    ),
    "a time measured twice": (
        {"input": {"truth": {"volumes": [{"path": "v.npy", "time": 0.5}, {"path": "w.npy", "time": 0.5}]}}},
        ["input.truth", "a time twice"],
    ),
    "OME-Zarr to train with": (
        {"input": {"forward_volume": {"path": "v.zarr"}}},
        ["input", "forward_volume: OME-Zarr is read for scoring alone; store v.zarr as"],
    ),
    "a trained constant at its limit": (
        {"mixing": {"method": "trained_constant", "alpha": 0}},
        ["mixing", "alpha must lie between 0 and 1 where trained_constant begins from it, not at 0"],
    ),
    "two regions": (
        {"evaluate": {"region": {"half_width": 0.5, "mask": {"path": "m.npy"}}}},
        ["evaluate.region", "one of half_width, box and mask"],
    ),
    "a box upside down": (
        {"evaluate": {"region": {"box": {"z": [0, 0]}}}},
        ["evaluate.region.box", "must rise"],
    ),
    "a window upside down": (
        {"input": {"sequence": {"start": 0.5, "stop": 0.4}}},
        ["input.sequence", "stop (0.4) must be above start (0.5)"],
    ),
    "NaN unit": ({"input": {"unit_mm": float("nan")}}, ["input.unit_mm"]),
}


@pytest.mark.parametrize("case", CONFIG)
def test_configuration(case):
    own, expected = CONFIG[case]
    own = {**own, "input": {"folder": "x", **own.get("input", {})}}
    line = complaint(resolve, {"datasets": {"mine": own}}, "config.yaml")
    for words in ["config.yaml", *expected]:
        assert words in line


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, "config.yaml: datasets: no datasets"),
        ({"datasets": {"../x": {"input": {"folder": "x"}}}}, "config.yaml: datasets.../x: a dataset's name"),
        ({"datasets": {"x": None}}, "config.yaml: datasets.x: must map keys"),
        ({"datasets": {"x": {}}}, "input: is required"),
    ],
)
def test_datasets_of_the_configuration(tree, expected):
    assert expected in complaint(resolve, tree, "config.yaml")


NUMBERS = {
    "canonical": [{"steps": True}, {"steps": "150"}, {"volume_weight": "0.1"}, {"grid": {"levels": False}}],
    "export": [{"times": [0, "0.5"]}, {"times": [0, True]}, {"window": ["0", 1]}],
    "velocity": [{"levels": [{"resolution": "6", "steps": 3, "learning_rate": 0.1}]}],
    "input": [{"folder": "x", "unit_mm": True}, {"folder": "x", "duration_s": "3"}, {"folder": "x", "split": {"indices": [1, True]}}],
}


@pytest.mark.parametrize(("section", "value"), [(section, value) for section, values in NUMBERS.items() for value in values], ids=str)
def test_text_and_truth_values_are_no_numbers(section, value):
    tree = {"datasets": {"x": {"input": {"folder": "x"}}}}
    (tree["datasets"]["x"] if section == "input" else tree)[section] = value
    assert "must be a number, not t" in complaint(resolve, tree, "config.yaml").replace("not false", "not t")


def test_whole_numbers_may_be_written_as_floats():
    tree = {"datasets": {"x": {"input": {"folder": "x", "unit_mm": 3}}}, "canonical": {"steps": 150.0}, "prepare": {"downscale": None}}
    config = resolve(tree, "config.yaml")["x"]
    assert (config.canonical.steps, config.input.unit_mm) == (150, 3.0)
