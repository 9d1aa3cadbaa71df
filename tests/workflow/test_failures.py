"""Why jobs failed is told last, and once, whatever Snakemake is quiet about."""

import logging

import pytest
from tiny_dataset import edited, make

from workflow import snakemake
from xct4d.workflow.failures import FailedJobs, reason_in


def told(capsys, *records):
    failed, logger = FailedJobs(), logging.getLogger("test_failures")
    logger.setLevel(logging.INFO)
    logger.addHandler(failed)
    for event, extra in records:
        logger.info("said by Snakemake", extra={"event": type("Event", (), {"name": event})} | extra)
    logger.removeHandler(failed)
    failed.tell()
    return capsys.readouterr().err.splitlines()


def failure(number, log):
    return "JOB_ERROR", {"jobid": number, "log": [str(log)]}


def test_each_reason_once(tmp_path, capsys):
    for name, text in (
        ("a", "d: goes on\nd/a.json: has no frames\n"),
        ("b", "d/b.json: is damaged\n"),
        ("c", "d/b.json: is damaged\n"),
        ("e", ""),
    ):
        (tmp_path / name).write_text(text)
    failures = [failure(number, tmp_path / name) for number, name in enumerate("abcef")]
    assert told(capsys, *failures, *failures) == ["d/a.json: has no frames", "d/b.json: is damaged"]


def test_a_job_that_a_retry_finished_did_not_fail(tmp_path, capsys):
    (tmp_path / "a").write_text("d: canonical: 150/150\n")
    assert told(capsys, failure(12, tmp_path / "a"), ("JOB_FINISHED", {"job_id": 12})) == []
    assert told(capsys, failure(12, tmp_path / "a"), ("JOB_FINISHED", {"job_id": 1})) == ["d: canonical: 150/150"]


def test_other_messages_and_jobs_without_a_log(capsys):
    logging.getLogger("test_failures").info("no event")
    assert told(capsys, ("PROGRESS", {}), ("JOB_ERROR", {"jobid": 1, "log": []})) == []


@pytest.mark.parametrize("first", ["Traceback (most recent call last):", "Fatal Python error: Aborted"])
def test_a_defect_is_told_from_its_traceback_on(tmp_path, first):
    (tmp_path / "log").write_text(f"d: export: 3/8\n{first}\n  File x\nKeyError: 'a'\n")
    assert reason_in(tmp_path / "log") == f"{first}\n  File x\nKeyError: 'a'"
    assert reason_in(tmp_path / "lost") == ""


@pytest.mark.parametrize("quiet", [[], ["--quiet", "rules"], ["--quiet", "all"]], ids=" ".join)
def test_snakemake_ends_with_the_reason(tmp_path, quiet):
    make(tmp_path / "d")
    with edited(tmp_path / "d") as tree:
        tree["frames"][2]["transform_matrix"][0][0] = 3.0
    (tmp_path / "c.yaml").write_text("datasets: {s: {input: {folder: d}}}\n")
    done = snakemake("results/s/prepared/forward", "--cores=1", "--configfile=c.yaml", *quiet, cwd=tmp_path)
    assert done.returncode == 1
    line = "d/transforms_00.json: frames[2] (images_00/train_02.png).transform_matrix: is not rigid"
    said = (done.stdout + done.stderr).splitlines()
    assert said[-1].startswith(line)
    assert sum(line in each for each in said) == 1
