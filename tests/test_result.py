"""The public door: what `xct4d.open` gives of a result whose fields and motion are known."""

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from finished_result import CONFIGURATION, DRIFT, METRICS, RECONSTRUCTIONS, TIMES, make, without_second_scan

import xct4d
from xct4d.fields.density import DensityField
from xct4d.geometry.box import grid_points
from xct4d.quantities import ANALYSED
from xct4d.units import Scale

MM = Scale(unit_mm=3.0, duration_s=8.0)
POINTS = np.random.default_rng(0).uniform(-0.7, 0.7, (5, 3))  # world units


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Folder with three results: in mm, in world units, and of one scan."""
    folder = tmp_path_factory.mktemp("results")
    make(folder, "known", scale=MM)
    make(folder, "unknown")
    make(folder, "static", static=True)
    return folder


def density(root, direction, points):
    return DensityField.load(root / "canonical" / direction / "field.safetensors").evaluate(torch.from_numpy(points).float()).numpy()


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_attenuation_is_that_of_the_scans_carried_to_the_time(results, t):
    result = xct4d.open(results / "unknown")
    forward = density(results / "unknown", "forward", POINTS - t * DRIFT)
    backward = density(results / "unknown", "backward", POINTS + (1 - t) * DRIFT)
    assert np.ptp(forward) > 0.01
    assert np.allclose(result.attenuation(POINTS, t, "forward"), forward, rtol=1e-4)
    assert np.allclose(result.attenuation(POINTS, t, "backward"), backward, rtol=1e-4)
    assert np.allclose(result.attenuation(POINTS, t), (1 - t) * forward + t * backward, rtol=1e-4)
    assert (result.attenuation([[1.5, 0, 0]], t) == 0).all()


def test_motion_is_that_of_the_velocity_field(results):
    result = xct4d.open(results / "unknown")
    assert np.allclose(result.velocity(POINTS, 0.3), DRIFT, atol=1e-6)
    assert np.allclose(result.displacement(POINTS, 0.3), 0.3 * DRIFT, atol=1e-6)
    assert np.allclose(result.flow(POINTS, 0.2, 0.7), POINTS + 0.5 * DRIFT, atol=1e-6)
    assert np.allclose(result.mixing_coefficient(POINTS, 0.3), 0.3)


def test_the_uncertainty_is_that_of_the_volume(results):
    result = xct4d.open(results / "known")
    stated = result.volume("displacement_uncertainty", 0.5)
    places = grid_points(*stated.coordinates)
    found = result.displacement_uncertainty(places, 0.5)
    assert found.shape == (12**3, 3)
    assert np.allclose(found.T.reshape(3, 12, 12, 12), stated[:], atol=1e-6)
    assert (found > 0).all()


def test_every_quantity_is_found_at_any_place_and_is_that_of_its_volume(results):
    result = xct4d.open(results / "known")
    for name in ANALYSED:
        volume = result.volume(name, 0.5)
        found = result.quantity(name, grid_points(*volume.coordinates), 0.5)
        shape = (len(result.components(name)),) if result.components(name) else ()
        assert found.shape == (12**3, *shape)
        assert np.allclose(np.moveaxis(found, 0, -1).reshape(volume.shape), volume[:], atol=1e-6)
    assert np.allclose(result.quantity("jacobian", POINTS, TIMES), 1, atol=1e-5)
    with pytest.raises(xct4d.InputError, match=r"name: 'strain' is none of displacement, .*logarithmic_strain"):
        result.quantity("strain", POINTS, 0.5)
    with pytest.raises(xct4d.InputError, match="name: 'strain' is none of attenuation, "):
        result.components("strain")


def test_units_are_those_that_are_asked_for(results):
    world, known = xct4d.open(results / "known", units="world"), xct4d.open(results / "known")
    assert {name: unit for name, unit in known.units.items() if unit != "1"} == {
        "length": "mm", "attenuation": "1/mm", "displacement": "mm", "displacement_uncertainty": "mm", "lagrangian_displacement": "mm",
        "velocity": "mm/s",
    }  # fmt: skip
    assert world.units["length"] == "world unit"
    assert world.units["velocity"] == "world unit/time unit"
    assert xct4d.open(results / "unknown").units == world.units
    assert known.scale == world.scale == MM
    assert np.allclose(known.attenuation(3 * POINTS, 0.3), world.attenuation(POINTS, 0.3) / 3, rtol=1e-4)
    assert np.allclose(known.displacement(3 * POINTS, 0.3), 3 * 0.3 * DRIFT, atol=1e-5)
    assert np.allclose(known.velocity(3 * POINTS, 0.3), 3 * DRIFT / 8, atol=1e-6)
    assert np.allclose(known.flow(3 * POINTS, 0.2, 0.7), 3 * (POINTS + 0.5 * DRIFT), atol=1e-5)
    assert np.allclose(known.mixing_coefficient(3 * POINTS, 0.3), 0.3)
    assert xct4d.open(results / "known", units="mm").units == known.units


def test_shapes_follow_points_and_times(results):
    result = xct4d.open(results / "unknown")
    for shape in ((), (5,), (2, 4), (0,)):
        points = np.zeros((*shape, 3))
        assert result.attenuation(points, 0.5).shape == shape
        assert result.velocity(points, 0.5).shape == (*shape, 3)
        assert result.displacement(points, [0.0, 0.5, 1.0, 0.2]).shape == (4, *shape, 3)
        assert result.attenuation(points, np.array([0.5])).shape == (1, *shape)
    path = result.flow(POINTS, 0.0, TIMES)
    assert np.allclose(path, POINTS + np.array(TIMES)[:, None, None] * DRIFT, atol=1e-6)
    assert result.attenuation([0, 0, 0], 1).dtype == np.float32


@pytest.mark.parametrize("units", ["mm", "world"])
@pytest.mark.parametrize("t", TIMES)
def test_volumes_hold_the_same_numbers(results, units, t):
    result = xct4d.open(results / "known", units=units)
    assert result.volumes == {name: list(TIMES) for name in (*RECONSTRUCTIONS, *ANALYSED)}
    assert result.times == list(TIMES)
    for kind in RECONSTRUCTIONS:
        volume = result.volume(kind, t)
        assert volume.unit == result.units["attenuation"]
        places = grid_points(*volume.coordinates)
        assert np.allclose(volume[:].ravel(), result.attenuation(places, t, kind), rtol=1e-4, atol=1e-6)
    moved = result.volume("displacement", t)
    assert moved.unit == result.units["displacement"]
    assert moved.shape == (3, 12, 12, 12)
    assert np.allclose(moved[:], (t * DRIFT * (3 if units == "mm" else 1))[:, None, None, None], atol=1e-5)


def test_a_volume_is_read_only_where_it_is_indexed(results, tmp_path):
    shutil.copytree(results / "unknown", tmp_path / "unknown")
    result = xct4d.open(tmp_path / "unknown")
    volume = result.volume("mixed", 0.5)
    (chunk,) = (path for path in (tmp_path / "unknown/volumes/mixed/t0.5000.zarr/0/c").rglob("*") if path.is_file())
    chunk.write_bytes(b"damaged")
    assert volume.shape == (12, 12, 12)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the codec says
        volume[:]


def test_scores_curves_and_configuration_are_those_on_disk(results):
    result = xct4d.open(results / "known")
    assert result.metrics == METRICS
    assert list(result.history) == ["canonical forward", "canonical backward", "velocity 5"]
    curves = result.history["velocity 5"]
    assert curves["step"].tolist() == [0, 10, 20]
    assert curves["loss"].shape == (3,)
    assert curves["held_out_psnr"].shape == (2, 2)
    assert result.configuration == CONFIGURATION
    assert result.name == "known"
    assert "in mm" in repr(result)


def test_one_scan_has_attenuation_at_its_time(results):
    result = xct4d.open(results / "static")
    assert result.static
    assert not xct4d.open(results / "known").static
    assert np.allclose(result.attenuation(POINTS, 0.0), density(results / "static", "forward", POINTS), rtol=1e-4)
    assert result.volumes == {"forward": [0.0]}
    for ask in (lambda: result.velocity(POINTS, 0.0), lambda: result.displacement(POINTS, 0.0), lambda: result.flow(POINTS, 0, 0)):
        with pytest.raises(xct4d.InputError, match="static: a dataset of one scan has no motion"):
            ask()
    with pytest.raises(xct4d.InputError, match=r"t: a dataset of one scan has no t = 0\.5"):
        result.attenuation(POINTS, 0.5)
    with pytest.raises(xct4d.InputError, match="reconstruction: 'mixed' is none of forward"):
        result.attenuation(POINTS, 0.0, "mixed")


def test_without_a_second_scan_there_is_motion_and_nothing_that_takes_two(results):
    result = xct4d.open(without_second_scan(results, "known"))
    assert (result.static, result.mixes) == (False, False)
    assert np.array_equal(result.displacement(POINTS, 0.5), xct4d.open(results / "known").displacement(POINTS, 0.5))
    assert np.array_equal(result.attenuation(POINTS, 0.5), xct4d.open(results / "known").attenuation(POINTS, 0.5, "forward"))
    for ask, what in (
        (lambda: result.mixing_coefficient(POINTS, 0.5), "mixing coefficient"),
        (lambda: result.quantity("displacement_uncertainty", POINTS, 0.5), "standard deviation of the displacement"),
        (lambda: result.motions, "stated uncertainty"),
    ):
        with pytest.raises(xct4d.InputError, match=f"followed: a dataset without a second scan has no {what}"):
            ask()


def test_a_variant_finds_the_stages_that_it_shares_and_moves_with_them(tmp_path):
    make(tmp_path / "results", "balls~velocity.rays=64", shared="balls")
    shutil.move(tmp_path / "results", tmp_path / "elsewhere")
    variant = xct4d.open(tmp_path / "elsewhere/balls~velocity.rays=64")
    assert variant.name == "balls~velocity.rays=64"
    assert np.allclose(variant.attenuation(POINTS, 0.0), density(tmp_path / "elsewhere/balls", "forward", POINTS), rtol=1e-4)
    with pytest.raises(xct4d.InputError, match=r"only holds what the variants of a sweep share; open one of .*balls~velocity\.rays=64"):
        xct4d.open(tmp_path / "elsewhere/balls")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda r: r.attenuation([[0, 0]], 0.5), "points: must have x, y, z along their last axis, not the shape (1, 2)"),
        (lambda r: r.attenuation(0.0, 0.5), "points: must have x, y, z along their last axis, not the shape ()"),
        (lambda r: r.velocity([[0, 0, float("nan")]], 0.5), "points: has NaN or infinite coordinates"),
        (lambda r: r.velocity("here", 0.5), "points: must be numbers"),
        (lambda r: r.displacement(POINTS, 1.5), "t: 1.5 is outside [0, 1]; 0 is the first scan, 1 the second"),
        (lambda r: r.displacement(POINTS, [0.5, float("nan")]), "t: nan is outside [0, 1]; 0 is the first scan, 1 the second"),
        (lambda r: r.displacement(POINTS, []), "t: must be a number or a sequence of numbers, not an array of shape (0,)"),
        (lambda r: r.displacement(POINTS, "noon"), "t: must be a number or a sequence of numbers"),
        (lambda r: r.flow(POINTS, -1, 0), "start: -1 is outside [0, 1]; 0 is the first scan, 1 the second"),
        (lambda r: r.attenuation(POINTS, 0.5, "fastest"), "reconstruction: 'fastest' is none of mixed, forward, backward"),
        (
            lambda r: r.volume("strain", 0.5),
            "unknown: has no strain volumes; take one of mixed, forward, backward, displacement, displacement_uncertainty",
        ),
        (
            lambda r: r.volume("mixed", 0.3),
            "unknown: has no mixed volume of t = 0.3; take one of 0, 0.5, 1, or ask for single points, of any time",
        ),
        (lambda r: r.volume("mixed", 0.5, level=4), "has no level 4"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(results, ask, said):
    with pytest.raises(xct4d.InputError) as caught:
        ask(xct4d.open(results / "unknown"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def broken(root: Path, how: str) -> Path:
    record = root / "report/result.json"
    if how == "no folder":
        return root.parent / "nothing"
    if how == "a file":
        return root / "report/result.json"
    if how == "another folder":
        shutil.rmtree(root)
        root.mkdir()
    elif how == "unfinished":
        shutil.rmtree(root / "report")
    elif how == "older":
        record.unlink()
    elif how == "damaged":
        record.write_text(record.read_text()[:100])
    elif how == "another format":
        record.write_text(json.dumps(json.loads(record.read_text()) | {"format": 99}))
    elif how == "incomplete":
        record.write_text(json.dumps({"format": 1, "dataset": "balls"}))
    return root


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no folder", "nothing: does not exist; name the results of a dataset, such as results/balls"),
        ("a file", "result.json: is not a folder; name the results of a dataset, such as results/balls"),
        ("another folder", "unknown: is no result of xct4d; name the results of a dataset, such as results/balls"),
        ("unfinished", "unknown: is not finished: it has no report; run the workflow until it ends"),
        ("older", "unknown: was made by an older version of xct4d; run the workflow again, which makes the report anew"),
        ("damaged", "result.json: cannot be read"),
        ("another format", "result.json: is of format 99, not 1; open it with the version of xct4d that wrote it"),
        ("incomplete", "result.json: cannot be read"),
    ],
)
def test_a_folder_that_is_no_finished_result_is_refused_in_one_line(results, tmp_path, how, said):
    shutil.copytree(results / "unknown", tmp_path / "unknown")
    with pytest.raises(xct4d.InputError) as caught:
        xct4d.open(broken(tmp_path / "unknown", how))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("units", "said"),
    [("mm", "does not say what a world unit is in mm; set input.unit_mm"), ("inch", 'units: must be "mm", "world" or None')],
)
def test_units_that_there_are_not_are_refused(results, units, said):
    with pytest.raises(xct4d.InputError, match=said):
        xct4d.open(results / "unknown", units=units)


def test_a_missing_stage_is_named_when_it_is_asked_for(results, tmp_path):
    shutil.copytree(results / "unknown", tmp_path / "unknown")
    shutil.rmtree(tmp_path / "unknown/velocity")
    shutil.rmtree(tmp_path / "unknown/volumes/mixed/t0.5000.zarr")
    result = xct4d.open(tmp_path / "unknown")
    with pytest.raises(xct4d.InputError, match=r"velocity/5/field\.safetensors"):
        result.velocity(POINTS, 0.0)
    with pytest.raises(xct4d.InputError, match=r"t0\.5000\.zarr: is not a Zarr volume"):
        result.volume("mixed", 0.5)


def test_importing_has_no_side_effects(tmp_path):
    """It loads nothing heavy, sets no environment variable, touches no file."""
    script = """
import json, os, sys
before, loaded = dict(os.environ), set(sys.modules)
import xct4d
print(json.dumps({
    "version": xct4d.__version__,
    "environment": dict(os.environ) == before,
    "heavy": sorted({"numpy", "torch", "numba", "zarr", "pydantic", "matplotlib", "snakemake"} & set(sys.modules)),
    "own": sorted(name for name in set(sys.modules) - loaded if name.startswith("xct4d")),
    "names": sorted(set(xct4d.__all__) - set(dir(xct4d))),
}))
"""
    root = Path(xct4d.__file__).parents[1]
    audit = "import sys; sys.addaudithook(lambda event, args: event.startswith(('os.remove', 'shutil', 'os.mkdir', 'os.rename')) and sys.exit(event))\n"
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", audit + script], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {
        "version": xct4d.__version__, "environment": True, "heavy": [], "own": ["xct4d", "xct4d.version"], "names": [],
    }  # fmt: skip


def test_public_names():
    assert set(xct4d.__all__) == {"InputError", "Result", "__version__", "open"}
    assert all(hasattr(xct4d, name) for name in xct4d.__all__)
    assert (files("xct4d") / "py.typed").is_file()
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = xct4d.opne


def test_the_types_are_declared_for_the_same_names():
    """A stub stands in for imports that would make every stage depend on the door."""
    stub = (Path(xct4d.__file__).parent / "__init__.pyi").read_text()
    scope: dict = {}
    exec(stub, scope)
    assert scope["__all__"] == sorted(xct4d.__all__)
    assert all(scope[name] is getattr(xct4d, name) for name in ("InputError", "Result", "open"))
