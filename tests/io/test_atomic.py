"""Outputs appear whole or not at all."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from xct4d.errors import InputError
from xct4d.io.atomic import atomic_file, atomic_folder


def test_folder_appears_whole(tmp_path):
    target = tmp_path / "deep" / "out"
    with atomic_folder(target) as folder:
        (folder / "a.txt").write_text("1")
        assert not target.exists()
    assert (target / "a.txt").read_text() == "1"
    assert os.listdir(target.parent) == ["out"]


def test_new_folder_replaces_old_completely(tmp_path):
    for name in ("a", "b"):
        with atomic_folder(tmp_path / "out") as folder:
            (folder / name).write_text(name)
    assert os.listdir(tmp_path / "out") == ["b"]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("atomic", [atomic_file, atomic_folder])
def test_failure_keeps_what_was_there(tmp_path, atomic):
    target = tmp_path / "out.bin"
    with atomic(target) as temporary:
        (temporary / "x" if temporary.is_dir() else temporary).write_text("old")
    with pytest.raises(ZeroDivisionError), atomic(target) as temporary:
        (temporary / "x" if temporary.is_dir() else temporary).write_text("new")
        raise ZeroDivisionError
    assert (target / "x" if target.is_dir() else target).read_text() == "old"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_file_keeps_its_suffix_for_writers_that_look(tmp_path):
    with atomic_file(tmp_path / "a.npy") as temporary:
        np.save(temporary, np.arange(3))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["a.npy"]


def test_killed_run_leaves_no_output_and_its_temporary_is_removed(tmp_path):
    code = f"""
import time
from xct4d.io.atomic import atomic_folder
with atomic_folder({str(tmp_path / "out")!r}) as f:
    (f / "half").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out").exists()
    assert len(os.listdir(tmp_path)) == 1
    with atomic_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), OSError("1000 requested and 12 written"), RuntimeError("I/O: No space left on device")])
def test_disk_full_is_one_line(tmp_path, error):
    with pytest.raises(InputError, match=r"out: the disk is full; free space") as caught, atomic_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
        raise error
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_file_in_the_way(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="out: is a file"), atomic_folder(tmp_path / "out"):
        pass
    with pytest.raises(InputError, match="out/sub: its folder cannot be made"), atomic_folder(tmp_path / "out" / "sub"):
        pass
    with pytest.raises(InputError, match="is a folder"), atomic_file(tmp_path):
        pass
    assert (tmp_path / "out").read_text() == "mine"


def test_an_unreadable_input_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(PermissionError), atomic_folder(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "no", "/somewhere/else")
    with pytest.raises(InputError, match="cannot be written"), atomic_folder(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "no", str(tmp_path / "out" / "x"))


def test_names_with_pattern_characters(tmp_path):
    for _ in range(2):
        with atomic_folder(tmp_path / "t[0.5]*") as folder:
            (folder / "stamp").write_text("x")
    assert os.listdir(tmp_path) == ["t[0.5]*"]
