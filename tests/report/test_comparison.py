"""The figures by which variants of a sweep are compared."""

import pytest
from small_frames import frames_at

from xct4d.report import comparison
from xct4d.report.comparison import Variant
from xct4d.report.comparison_figure import MOST_ROWS, draw_comparison


def entry(t, *, error=0.002, moved=0.04, deviation=0.003, uncertain=0.1, residual=1.0, verdict="determined except 10% of the material"):
    trust = {"verdict": verdict, "normalised_residual": residual, "displacement_deviation": {"rms": deviation}, "uncertain": uncertain}
    scored = {"mean": error, "p95": 3 * error, "true_mean": moved}
    return {"time": t, "trust": trust | {"tolerance": 0.01}, "displacement_error": scored, "self_correlation": 0.9, "correlation": None}


def variant(entries, *, unit_mm=None, values=None, sequence=None, seconds=None, psnr=30.0):
    metrics = {"times": entries, "unit_mm": unit_mm, "duration_s": None, "held_out": {"mean": {"psnr": psnr}}}
    return Variant("v", values or {"setup.sources": 2}, metrics, sequence, seconds)


def figures(*variants):
    return {column.name: list(column.cells) for column in comparison.columns(variants)}


def test_means_are_over_the_times_between_the_scans():
    entries = [entry(0.0, error=9.0), entry(0.25, error=0.001), entry(0.5, error=0.003), entry(1.0, error=9.0)]
    found = figures(variant(entries))
    assert found["error_world_unit"] == [pytest.approx(0.002)]
    assert found["error_p95_world_unit"] == [pytest.approx(0.006)]
    assert found["relative_error"] == [pytest.approx(0.05)]


def test_lengths_are_in_mm_where_the_scale_is_known():
    found = figures(variant([entry(0.5)], unit_mm=5.0))
    assert found["error_mm"] == [pytest.approx(0.01)]
    assert found["deviation_mm"] == [pytest.approx(0.015)]
    assert found["displacement_mm"] == [pytest.approx(0.2)]


def test_what_the_motion_does_not_explain_is_not_determined_however_small_its_deviation():
    cases = [
        entry(0.5),
        entry(0.5, residual=1.3, verdict="not determined: the motion leaves 1.30 times as much"),
        entry(0.5, residual=1.0, verdict="not determined: the projections next to a scan contradict it"),
        entry(0.5, uncertain=0.7, verdict="not determined: 70% of the material"),
    ]
    assert figures(*(variant([case]) for case in cases))["determined_part"] == pytest.approx([0.9, 0, 0, 0.3])
    assert figures(variant(cases))["determined_times"] == [1]
    assert figures(variant(cases))["normalised_residual"] == [1.3]


def test_projections_that_are_held_out_cost_nothing():
    frames = frames_at([0.25, 0.25, 0.5, 0.5, 0.75], held_out=[1, 4])
    found = figures(variant([entry(0.5)], sequence=frames, seconds=90.0))
    assert (found["projections"], found["times"], found["cpu_minutes"]) == ([3], [2], [1.5])


def test_measured_data_have_no_error_and_a_sample_at_rest_no_motion():
    bare = {"time": 0.5, "self_correlation": 0.9, "correlation": None, "trust": entry(0.5)["trust"]}
    found = figures(variant([bare], values={"velocity.rays": 16}))
    assert {"error_world_unit", "relative_error", "correlation"}.isdisjoint(found)
    assert (found["self_correlation"], found["held_out_psnr"]) == ([0.9], [30.0])
    at_rest = {"time": 0.0, "self_correlation": None, "correlation": {"forward": 0.8}}
    assert figures(variant([at_rest], values={"canonical.steps": 5})) == {"correlation": [0.8], "held_out_psnr": [30.0]}


def test_other_sequences_hold_out_other_projections_so_that_their_scores_are_not_compared():
    assert "held_out_psnr" not in figures(variant([entry(0.5)], values={"setup.times": 7}))


def test_keys_that_end_alike_are_written_out():
    assert comparison.short_keys(["setup.sources", "setup.times"]) == ["sources", "times"]
    assert comparison.short_keys(["canonical.steps", "mixing.steps", "seed"]) == ["canonical.steps", "mixing.steps", "seed"]


def test_a_figure_is_drawn_of_motion_alone_and_of_no_more_rows_than_a_screen_shows(tmp_path):
    import imageio.v3 as imageio

    at_rest = {"time": 0.0, "self_correlation": None, "correlation": {"forward": 0.8}}
    assert not draw_comparison(tmp_path / "none.png", [variant([at_rest])])
    assert not (tmp_path / "none.png").exists()
    exact = entry(0.5, error=0.0, deviation=0.0, moved=0.0)  # without a logarithm
    assert draw_comparison(tmp_path / "one.png", [variant([exact])])
    heights = []
    for count in (MOST_ROWS, MOST_ROWS + 40):
        assert draw_comparison(tmp_path / "many.png", [variant([entry(0.5)], sequence=frames_at([0.5]), seconds=5.0)] * count)
        heights.append(imageio.imread(tmp_path / "many.png").shape[0])
    assert heights[0] == heights[1]
