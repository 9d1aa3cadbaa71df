"""What a change reruns: that and nothing else.

The real rules run once in a copy of this checkout whose scripts make empty
outputs and stop before their stage; dry runs then say what a change invalidates.
"""

from __future__ import annotations

import os
import shutil
import time

import pytest
import yaml
from stopping_checkout import checkout, write

from workflow import jobs, reasons, snakemake

PREPARED = [*(f"d: prepare {state}" for state in ("backward", "between", "forward")), "d: check"]
CANONICAL = ["d: canonical backward", "d: canonical forward"]
REGISTER = ["d: calibrate", "d: register"]
VELOCITY = ["d: velocity 15", "d: velocity 6", "d: velocity 9", "d: trust"]
EXPORTS = ["d: export t = 0.0000", "d: export t = 0.5000", "d: export t = 1.0000"]
ANALYSES = ["d: analyse t = 0.0000", "d: analyse t = 0.5000", "d: analyse t = 1.0000"]
SERIES = "d: series"
SCORED = ["d: evaluate", "d: report"]
AFTER = ["d: mixing", *EXPORTS, *ANALYSES, SERIES, *SCORED]

VOLUME = {"path": "data.raw", "shape": [2, 2, 2], "dtype": "uint8"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkout of its own with a dataset whose every output is up to date."""
    root = checkout(tmp_path_factory.mktemp("checkout"))
    done = snakemake("--cores", "1", cwd=root, root=root)
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"prepare.downscale": 3}, PREPARED + CANONICAL + REGISTER + VELOCITY + AFTER),
        ({"canonical.steps": 7}, CANONICAL + REGISTER + VELOCITY + AFTER),
        ({"velocity.levels.0.learning_rate": 0.02}, VELOCITY + AFTER),
        ({"velocity.levels.1.learning_rate": 0.02}, ["d: velocity 15", "d: velocity 9", "d: trust", *AFTER]),
        ({"velocity.levels.3": {"resolution": 27, "steps": 9, "learning_rate": 0.01}}, ["d: velocity 27", "d: trust", *AFTER]),
        ({"mixing.steps": 7}, AFTER),
        ({"mixing.method": "temporal"}, [*EXPORTS, *ANALYSES, SERIES, *SCORED]),
        ({"export.resolution": 99}, [*EXPORTS, SERIES, *SCORED]),
        ({"export.times": [0.0, 0.25, 0.5, 1.0]}, ["d: export t = 0.2500", "d: analyse t = 0.2500", SERIES, *SCORED]),
        ({"export.series": False}, []),
        ({"export.formats": ["npz"]}, ["d: convert to npz"]),
        ({"trust.samples": 5}, ["d: trust", *ANALYSES, SERIES, *SCORED]),
        ({"analyse.resolution": 99}, [*ANALYSES, SERIES, "d: report"]),
        ({"analyse.quantities": ["jacobian", "velocity"]}, [*ANALYSES, SERIES, "d: report"]),
        ({"evaluate.resolution": 99}, SCORED),
        ({"device": "cpu"}, []),
        ({"canonical.checkpoint_every": 7, "velocity.checkpoint_every": 7, "mixing.checkpoint_every": 7}, []),
        ({"datasets.d.input.forward_volume": VOLUME, "canonical.volume_weight": 0.1}, CANONICAL + REGISTER + VELOCITY + AFTER),
        ({"datasets.d.input.truth": {"object": VOLUME, "motion": {"type": "rigid", "displacements": [0.1, 0, 0]}}}, SCORED),
        ({"seed": 1}, CANONICAL + REGISTER + VELOCITY + AFTER),
    ],
    ids=lambda value: ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_a_change_of_the_configuration(made, changes, expected):
    write(made, changes)
    try:
        assert jobs(cwd=made, root=made) == sorted(expected)
    finally:
        write(made, {})


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        ("workflow/scripts/export.py", "", "print(1)\n", [*EXPORTS, SERIES, *SCORED]),
        ("workflow/scripts/export.py", "", "# why\n", []),
        ("workflow/scripts/canonical.py", "", "", []),  # only written again, as git does
        ("xct4d/version.py", "0.", "7.", ["d: report"]),
        ("xct4d/stages/export.py", "", "print(1)\n", [*EXPORTS, SERIES, *SCORED]),
        ("xct4d/stages/canonical.py", "", "print(1)\n", CANONICAL + REGISTER + VELOCITY + AFTER),
        ("xct4d/training/loop/schedule.py", "", "print(1)\n", CANONICAL + REGISTER + VELOCITY + AFTER),
        ("xct4d/stages/velocity.py", "", "print(1)\n", VELOCITY + AFTER),
        ("xct4d/stages/mixing.py", "", "print(1)\n", AFTER),
        # scores of held-out projections as they train; the doctor's comparison of the scans
        ("xct4d/metrics.py", "", "print(1)\n", ["d: check", *CANONICAL, *REGISTER, *VELOCITY, *AFTER]),
        ("xct4d/io/ome_series.py", "", "print(1)\n", [SERIES]),
        ("xct4d/report/plots.py", "", "print(1)\n", SCORED),
        ("xct4d/report/page/__init__.py", "", "print(1)\n", ["d: report"]),
        ("xct4d/report/page/templates/style.css", "", "p { color: red; }\n", ["d: report"]),
        ("workflow/report/captions.yaml", "stage: export\n", "stage: volumes\n", []),
        ("workflow/report/captions.yaml", "The exported volume", "The volume", ["d: report"]),
        ("xct4d/config/velocity.py", "", "print(1)\n", []),  # its values count, not its code
        ("xct4d/progress.py", "", "print(1)\n", []),
        ("xct4d/phantom/crossings.py", "", "print(1)\n", SCORED),
        ("xct4d/doctor/search.py", "", "print(1)\n", ["d: check"]),
        ("xct4d/stages/analyse.py", "", "print(1)\n", [*ANALYSES, SERIES, "d: report"]),
        ("xct4d/stages/canonical.py", "", "# why\n", []),
        ("xct4d/stages/export.py", '"""', '"""Another ', []),
    ],
)
def test_a_change_of_the_code(made, module, old, new, expected):
    path = made / module
    before, times = path.read_text(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_text(before.replace(old, new, 1) if old else before + new)
    try:
        assert jobs(cwd=made, root=made) == sorted(expected)
    finally:
        path.write_text(before)
        os.utime(path, ns=times)


def test_a_touched_image_with_the_same_bytes_reruns_nothing(made):
    os.utime(made / "data/images_00/train_0.png", (time.time() + 60,) * 2)
    assert jobs(cwd=made, root=made) == []


def test_a_changed_image_reruns_its_state_and_what_follows(made):
    image = made / "data/images_00/train_0.png"
    before = image.read_bytes()
    image.write_bytes(b"other content")
    try:
        os.utime(image, (time.time() + 60,) * 2)
        assert jobs(cwd=made, root=made) == sorted(["d: prepare forward", "d: check", "d: canonical forward", *REGISTER, *VELOCITY, *AFTER])
    finally:
        image.write_bytes(before)


def test_a_finer_level_after_the_finest_trains_that_alone(made):
    """27 -> 27, 51, in the very words of the table; of the training jobs 51 alone."""
    tree = yaml.safe_load((made / "config" / "config.yaml").read_text())
    levels = [{"resolution": n, "steps": 9, "learning_rate": 0.01} for n in (27, 51)]
    tree["datasets"] = {"e": {"input": {"folder": "data"}}}
    first, both = ({**tree, "velocity": {"levels": levels[:count]}} for count in (1, 2))
    files = [made / "config" / f"{name}.yaml" for name in ("27", "51")]
    for file, content in zip(files, (first, both), strict=True):
        file.write_text(yaml.safe_dump(content))
    done = snakemake("--cores", "1", "--configfile", str(files[0]), cwd=made, root=made)
    assert done.returncode == 0, done.stderr
    assert jobs("--configfile", str(files[0]), cwd=made, root=made) == []
    expected = [job.replace("d: ", "e: ", 1) for job in ["d: velocity 51", "d: trust", *AFTER]]
    assert jobs("--configfile", str(files[1]), cwd=made, root=made) == sorted(expected)


def test_a_dry_run_says_why(made):
    """Where the change is: the parameters of the job; after it: the files that the jobs before it make anew."""
    write(made, {"velocity.levels.1.learning_rate": 0.02, "export.times": [0.0, 0.25, 0.5, 1.0]})
    try:
        found = reasons(cwd=made, root=made)
    finally:
        write(made, {})
    assert "Params have changed" in found["d: velocity 9"]
    assert "Input files updated by another job: results/d/velocity/9" in found["d: velocity 15"]
    assert "results/d/velocity/15" in found["d: mixing"]
    assert "Missing output files" in found["d: export t = 0.2500"]
    assert "Missing" not in found["d: export t = 0.5000"]


def test_a_missing_result_is_made_again(made):
    volume = made / "results/d/volumes/mixed/t0.5000.zarr"
    shutil.move(volume, made / "aside")
    try:
        assert jobs(cwd=made, root=made) == sorted(["d: export t = 0.5000", SERIES, *SCORED])
    finally:
        shutil.move(made / "aside", volume)


def test_cores_and_resources_rerun_nothing(made):
    assert jobs("--cores", "7", "--set-resources", "velocity:mem_mb=9999", "--set-threads", "canonical=3", cwd=made, root=made) == []
