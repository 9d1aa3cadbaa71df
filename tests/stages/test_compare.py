"""The table of a sweep's variants."""

import csv

import pytest
from preparation import complaint
from small_frames import frames_at

from xct4d.io import digests, prepared, strict_json
from xct4d.stages.compare import compare


def evaluation(folder, error):
    trust = {
        "verdict": "determined",
        "normalised_residual": 0.9,
        "displacement_deviation": {"rms": 0.01},
        "uncertain": 0.0,
        "tolerance": 0.01,
    }
    scored = {"mean": error, "p95": 2 * error, "true_mean": 0.1}
    entry = {"time": 0.5, "self_correlation": 0.9, "correlation": None, "displacement_error": scored, "trust": trust}
    record = {"times": [entry], "unit_mm": None, "duration_s": None, "held_out": {"mean": {"psnr": 30.0}}}
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(strict_json.dumps(record))
    digests.write(folder)
    return folder


def job(path, seconds):
    path.write_text(f"evaluate: 3 planes\ntook 9.9 s, {seconds:.1f} CPU s, 0.10 GB at most\n")
    return path


@pytest.fixture
def sweep(tmp_path):
    """Arguments of compare: two variants, of one and of two sources."""
    sequences = {}
    for name, times in (("d~setup.sources=1", [0.5]), ("d~setup.sources=2", [0.5, 0.5])):
        sequences[name] = tmp_path / name / "between"
        sequences[name].mkdir(parents=True)
        prepared.save(frames_at(times), sequences[name])
    names = list(sequences)
    shared = job(tmp_path / "shared.log", 600)
    return {
        "evaluations": {name: evaluation(tmp_path / name / "evaluation", error) for name, error in zip(names, (0.02, 0.01), strict=True)},
        "values": {name: {"setup.sources": n} for n, name in enumerate(names, 1)},
        "sequences": sequences,
        "logs": {name: [shared, job(tmp_path / f"{n}.log", 60 * n)] for n, name in enumerate(names, 1)},
        "output": tmp_path / "d" / "comparison",
    }


def rows(folder):
    with open(folder / "comparison.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_each_variant_has_a_row_with_what_it_alone_costs(sweep):
    compare(**sweep)
    one, two = rows(sweep["output"])
    assert [one["result"], two["result"]] == ["d~setup.sources=1", "d~setup.sources=2"]
    assert [row["setup.sources"] for row in (one, two)] == ["1", "2"]
    assert [row["projections"] for row in (one, two)] == ["1", "2"]
    assert [float(row["error_world_unit"]) for row in (one, two)] == [0.02, 0.01]
    assert [float(row["cpu_minutes"]) for row in (one, two)] == [1, 2]
    page = (sweep["output"] / "comparison.md").read_text()
    assert page.startswith("# d\n")
    assert "those that several share took 10.0 more" in page
    assert "| 2 | 2 | 1 | 0.1000 | 0.0100 | 0.0200 |" in page
    assert (sweep["output"] / "comparison.png").is_file()


def test_a_cost_that_was_not_measured_is_left_out(sweep):
    for paths in sweep["logs"].values():
        paths[0].unlink(missing_ok=True)
        paths[1].unlink()
    compare(**sweep)
    assert "cpu_minutes" not in rows(sweep["output"])[0]
    assert "share took" not in (sweep["output"] / "comparison.md").read_text()


def test_a_damaged_evaluation_is_named(sweep):
    path = sweep["evaluations"]["d~setup.sources=2"] / "metrics.json"
    path.write_text(path.read_text().replace("0.9", "0.8"))
    assert str(path) in complaint(lambda: compare(**sweep))
    assert not sweep["output"].exists()
