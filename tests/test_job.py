"""What surrounds a stage: the log, the thread limits, the errors."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(body, log, threads=1, dataset=""):
    code = f"from xct4d.workflow.job import job\nfrom xct4d.errors import InputError\nwith job({str(log)!r}, {threads}, {dataset!r}):\n"
    code += "".join(f"    {line}\n" for line in body.splitlines())
    return subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)


def test_bad_input_is_one_line_and_status_one(tmp_path):
    done = run("raise InputError('has no frames', where='transforms_00.json: frames', fix='add some')", tmp_path / "log")
    line = "transforms_00.json: frames: has no frames; add some\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    assert (tmp_path / "log").read_text() == line


def test_a_defect_keeps_its_traceback_in_both_places(tmp_path):
    done = run("1 / 0", tmp_path / "log")
    assert done.returncode == 1
    for text in (done.stderr, (tmp_path / "log").read_text()):
        assert "Traceback" in text
        assert "ZeroDivisionError" in text


def test_what_is_printed_reaches_the_log_without_colours(tmp_path):
    done = run(r"import sys; print('\x1b[31mloss\x1b[0m 0.1'); print('late', file=sys.stderr)", tmp_path / "log")
    assert "\x1b[31mloss" in done.stdout
    assert (tmp_path / "log").read_text() == "loss 0.1\nlate\n"


def test_every_line_of_a_stage_names_the_dataset_on_the_terminal_and_in_the_log(tmp_path):
    body = "from xct4d.progress import say, track\nwith track('canonical forward', 2, done=1) as bar: bar.advance(note='loss 0.1')\nsay('goes on')"
    done = run(body, tmp_path / "log", dataset="balls")
    assert done.stderr == "balls: canonical forward: 2/2, loss 0.1, 0.0 s\nballs: goes on\n"
    assert (tmp_path / "log").read_text() == done.stderr


def test_interruption_is_quiet(tmp_path):
    done = run("raise KeyboardInterrupt", tmp_path / "log")
    assert (done.returncode, done.stderr) == (130, "")


def test_threads_are_limited(tmp_path):
    body = "import numba, torch; print(numba.config.NUMBA_NUM_THREADS, numba.get_num_threads(), torch.get_num_threads())"
    assert run(body, tmp_path / "log", threads=1).stdout == "1 1 1\n"
