"""What a log says that its job took."""

from xct4d.io.job_cost import cost_line, cpu_seconds


def test_the_last_run_counts(tmp_path):
    log = tmp_path / "log"
    log.write_text("took 1.0 s, 2.0 CPU s, 0.10 GB at most\nagain\ntook 1.0 s, 3.5 CPU s, 0.10 GB at most\n")
    assert cpu_seconds(log) == 3.5


def test_a_line_is_read_back(tmp_path):
    (tmp_path / "log").write_text(cost_line(1.0) + "\n")
    assert cpu_seconds(tmp_path / "log") > 0


def test_without_a_log_or_in_one_of_a_failed_run_nothing_is_known(tmp_path):
    assert cpu_seconds(tmp_path / "none") is None
    (tmp_path / "log").write_text("a.json: has no frames\n")
    assert cpu_seconds(tmp_path / "log") is None
