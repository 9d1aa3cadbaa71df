"""Why jobs failed is told last, and once."""

import subprocess
import sys
from pathlib import Path

import pytest

from xct4d.workflow.failures import reason_in

ROOT = Path(__file__).parents[2]
ERROR = """\
[Thu Nov 26 21:06:14 2026]
Error in rule {rule}:
    message: None
    jobid: {job}
    input: data/a.json, data/b: c.json
    output: results/d/{rule}
    log: {log} (check log file(s) for error details)
    shell: python
"""


def told(tmp_path, text):
    (tmp_path / "snakemake.log").write_text(text)
    code = "import sys; from xct4d.workflow.failures import tell_last; tell_last(sys.argv[1:]); print('At least one job', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "snakemake.log"], check=True, cwd=ROOT, capture_output=True, text=True)
    return done.stderr.splitlines()


def test_each_reason_once_at_the_very_end(tmp_path):
    for name, text in (
        ("a", "d: goes on\nd/a.json: has no frames\n"),
        ("b", "d/b.json: is damaged\n"),
        ("c", "d/b.json: is damaged\n"),
        ("e", ""),
    ):
        (tmp_path / name).write_text(text)
    errors = [ERROR.format(rule=name, job=job, log=tmp_path / name) for job, name in enumerate("abcef")]
    assert told(tmp_path, "".join(errors + errors)) == ["At least one job", "d/a.json: has no frames", "d/b.json: is damaged"]


def test_a_job_that_a_retry_finished_did_not_fail(tmp_path):
    (tmp_path / "a").write_text("d: canonical: 150/150\n")
    text = ERROR.format(rule="a", job=12, log=tmp_path / "a") + "[...]\nFinished jobid: 12 (Rule: a)\n"
    assert told(tmp_path, text) == ["At least one job"]
    assert told(tmp_path, text.replace("jobid: 12 (R", "jobid: 1 (R")) == ["At least one job", "d: canonical: 150/150"]


def test_no_failed_job_no_line(tmp_path):
    assert told(tmp_path, "MissingInputException\n") == ["At least one job"]


@pytest.mark.parametrize("first", ["Traceback (most recent call last):", "Fatal Python error: Aborted"])
def test_a_defect_is_told_from_its_traceback_on(tmp_path, first):
    (tmp_path / "log").write_text(f"d: export: 3/8\n{first}\n  File x\nKeyError: 'a'\n")
    assert reason_in(tmp_path / "log") == f"{first}\n  File x\nKeyError: 'a'"
    assert reason_in(tmp_path / "lost") == ""
