"""What surrounds a stage: the log, the thread limits, the errors."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(body, log, threads=1, dataset="", **environment):
    code = f"from xct4d.workflow.job import job\nfrom xct4d.errors import InputError\nwith job({str(log)!r}, {threads}, {dataset!r}):\n"
    code += "".join(f"    {line}\n" for line in body.splitlines())
    return subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True, env=os.environ | environment)


TOOK = r"took \d+\.\d s, (\d+\.\d) CPU s, \d\.\d\d GB at most\n"


def said(log: Path) -> str:
    """What the log of a stage that ended well has before its last line, which tells what the job took."""
    *before, last = log.read_text().splitlines(keepends=True)
    assert re.fullmatch(TOOK, last)
    return "".join(before)


def test_bad_input_is_one_line_and_status_one(tmp_path):
    done = run("raise InputError('has no frames', where='transforms_00.json: frames', fix='add some')", tmp_path / "log")
    line = "transforms_00.json: frames: has no frames; add some\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    assert (tmp_path / "log").read_text() == line


def test_where_snakemake_tells_it_at_the_end_the_line_is_in_the_log_alone(tmp_path):
    done = run("raise InputError('has no frames', where='a.json')", tmp_path / "log", XCT4D_FAILURES_TOLD_LAST="1")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert (tmp_path / "log").read_text() == "a.json: has no frames\n"


def test_a_defect_keeps_its_traceback_in_both_places(tmp_path):
    done = run("1 / 0", tmp_path / "log")
    assert done.returncode == 1
    for text in (done.stderr, (tmp_path / "log").read_text()):
        assert "Traceback" in text
        assert "ZeroDivisionError" in text


def test_what_is_printed_reaches_the_log_without_colours(tmp_path):
    done = run(r"import sys; print('\x1b[31mloss\x1b[0m 0.1'); print('late', file=sys.stderr)", tmp_path / "log")
    assert "\x1b[31mloss" in done.stdout
    assert said(tmp_path / "log") == "loss 0.1\nlate\n"


def test_the_log_ends_with_what_the_job_took_with_its_processes(tmp_path):
    burn = "import time; [None for _ in iter(lambda: time.process_time() > 0.5, True)]"
    run(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])", tmp_path / "log")
    assert float(re.fullmatch(TOOK, (tmp_path / "log").read_text()).group(1)) >= 0.5


def test_every_line_of_a_stage_names_the_dataset_on_the_terminal_and_in_the_log(tmp_path):
    body = "from xct4d.progress import say, track\nwith track('canonical forward', 2, done=1) as bar: bar.advance(note='loss 0.1')\nsay('goes on')"
    done = run(body, tmp_path / "log", dataset="balls")
    assert done.stderr == "balls: canonical forward: 2/2, loss 0.1, 0.0 s\nballs: goes on\n"
    assert said(tmp_path / "log") == done.stderr


def test_interruption_is_quiet(tmp_path):
    done = run("raise KeyboardInterrupt", tmp_path / "log")
    assert (done.returncode, done.stderr) == (130, "")


def test_threads_are_limited(tmp_path):
    body = "import numba, torch; print(numba.config.NUMBA_NUM_THREADS, numba.get_num_threads(), torch.get_num_threads())"
    assert run(body, tmp_path / "log", threads=1).stdout == "1 1 1\n"


@pytest.mark.parametrize(
    "body",
    [
        "raise MemoryError",
        "import numpy; numpy.ones(2**60, numpy.uint8)",
        "import torch; torch.empty(2**60, dtype=torch.uint8)",
        "raise RuntimeError('CUDA error: out of memory')",
        "raise ImportError('libtorch.so: failed to map segment from shared object')",
        "raise OSError(12, 'Cannot allocate memory')",
    ],
)
def test_too_little_memory_is_one_line(tmp_path, body):
    done = run(body, tmp_path / "log")
    assert done.returncode == 1
    assert done.stderr.startswith("the memory does not suffice (")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "log").read_text() == done.stderr


def test_other_errors_of_these_types_keep_their_traceback(tmp_path):
    for body in ("raise RuntimeError('shapes differ')", "import no_such_module", "open('/no/such/file')"):
        assert "Traceback" in run(body, tmp_path / "log").stderr


@pytest.mark.parametrize("signal", ["SIGABRT", "SIGSEGV", "SIGBUS"])
def test_a_process_that_a_library_aborts_leaves_a_log(tmp_path, signal):
    done = run(f"import os, signal\nos.kill(os.getpid(), signal.{signal})", tmp_path / "log")
    assert done.returncode < 0
    log = (tmp_path / "log").read_text()
    assert log.startswith("Fatal Python error: ")
    assert "most recent call first" in log


def test_an_older_run_that_is_alive_leaves_no_holes_in_the_log(tmp_path):
    again = tmp_path / "again.py"
    again.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom xct4d.workflow.job import job\nwith job({str(tmp_path / 'log')!r}, 1):\n    print(2)\n"
    )
    body = f"import subprocess, sys\nprint('x' * 100)\nsubprocess.run([sys.executable, {str(again)!r}], check=True)\nprint(1)"
    assert run(body, tmp_path / "log").returncode == 0
    assert re.sub(TOOK, "", said(tmp_path / "log")) == "2\n1\n"
