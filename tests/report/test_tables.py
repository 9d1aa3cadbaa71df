"""The tables on a result's page."""

import pytest

from xct4d.report import tables
from xct4d.units import Scale

TRUST = {
    "verdict": "not determined: why",
    "normalised_residual": 1.9,
    "displacement_deviation": {"rms": 0.004, "p95": 0.01},
    "uncertain": 0.2,
}


def quality(times, mean, at=(0.5,)):
    entries = [{"time": t, "self_correlation": 0.9, "correlation": None} for t in at]
    return {"times": entries, "held_out": {"times": times, "mean": mean}}


def benchmark(folder, name, seconds, memory):
    path = folder / f"{name}.tsv"
    path.write_text(f"s\th:m:s\tmax_rss\tmean_load\n{seconds}\t0:00:00\t{memory}\t197.88\n")
    return path


def test_trust_shows_the_verdict_of_each_time_in_the_dataset_s_unit():
    table = tables.trust({"times": [{"time": 0.5, "trust": TRUST}]}, Scale(5.0, None))
    assert table.head == ["t", "verdict", "normalised residual", "deviation (mm)"]
    assert table.rows == [("0.5", "not determined: why", "1.90", "0.0200")]


def test_the_true_error_stands_beside_the_deviation_where_it_is_known():
    entries = [{"time": 0.0, "trust": TRUST}, {"time": 0.5, "trust": TRUST, "displacement_error": {"mean": 0.01}}]
    table = tables.trust({"times": entries}, Scale(5.0, None))
    assert table.head[-1] == "true error (mm)"
    assert [row[-1] for row in table.rows] == ["", "0.0500"]


def test_a_result_that_does_not_move_has_no_table_of_trust():
    assert tables.trust({"times": [{"time": 0.0}]}, Scale()) is None


def test_scores_that_do_not_exist_are_left_out():
    """Images smaller than SSIM's window have none; equal ones no finite PSNR."""
    metrics = quality(times=[{"time": 0.5, "count": 2, "psnr": None, "ssim": None}], mean={"count": 2, "psnr": None, "ssim": None})
    assert tables.held_out(metrics) == "All 2 held-out projections on average: without a score."
    metrics = quality(times=[{"time": 0.5, "count": 2, "psnr": 30.0, "ssim": None}], mean={"count": 2, "psnr": 30.0, "ssim": None})
    assert tables.held_out(metrics) == "All 2 held-out projections on average: PSNR (dB) 30.0."
    assert tables.quality(metrics, Scale()).head == ["t", "self-correlation", "PSNR (dB)"]


def test_squares_of_attenuation_are_in_the_dataset_s_unit_and_each_scan_has_its_words():
    metrics = quality(times=[], mean={"count": 1, "psnr": 30.0, "ssim": 0.9, "forward": {"psnr": 29.0, "ssim": None}})
    metrics["times"][0] |= {"mismatch": 4.0, "mean_squared_error": {"forward": 9.0, "backward": 9.0, "mixed": 1.0}}
    table = tables.quality(metrics, Scale(2.0))
    assert table.head[2:4] == ["mismatch (1/mm^2)", "squared error (1/mm^2)"]
    assert table.rows[0][2:4] == ("1", "0.25")
    metrics["trained_on"] = {"mean": {"count": 3, "psnr": 40.0, "ssim": None}}
    assert tables.held_out(metrics) == (
        "All 1 held-out projections on average: PSNR (dB) 30.0, SSIM 0.9000. Those of the sequence, from the first scan alone: PSNR (dB) 29.0. "
        "All 3 projections trained on, on average: PSNR (dB) 40.0."
    )


def test_scores_of_a_time_are_found_beside_rounding():
    times = [{"time": t, "count": 1, "psnr": psnr, "ssim": 0.9} for t, psnr in ((0.1 + 0.2, 30.0), (0.31, 20.0))]
    table = tables.quality(quality(times, {"count": 2, "psnr": 25.0, "ssim": 0.9}, at=(0.3, 0.4)), Scale())
    assert [row[-2:] for row in table.rows] == [("30.0", "0.9000"), ("", "")]


def test_jobs_of_a_stage_count_together(tmp_path):
    jobs = {
        "canonical_forward": benchmark(tmp_path, "a", 3725.2, 686.87),
        "canonical_backward": benchmark(tmp_path, "b", 1241.0, 900.0),
        "export_t0.5000": tmp_path / "nothing.tsv",
    }
    table = tables.jobs(jobs)
    assert table.rows == [
        ["canonical_forward", "1:02:05", "687"], ["canonical_backward", "20:41", "900"], ["export_t0.5000", "", ""], ["sum", "1:22:46", ""],
    ]  # fmt: skip
    canonical, export = tables.stages(jobs)
    assert (canonical.stage, canonical.jobs, canonical.time, canonical.memory) == ("canonical", 2, "1:22:46", "900")
    assert canonical.part == pytest.approx(1)
    assert (export.stage, export.time, export.memory, export.part) == ("export", "", "", 0)
