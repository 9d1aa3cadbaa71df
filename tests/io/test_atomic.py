"""Outputs appear whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xct4d.errors import InputError
from xct4d.io import output_lock
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
    assert sorted(os.listdir(tmp_path / "out")) == [".digests.json", "b"]
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_gives_way_at_once(tmp_path, monkeypatch):
    """Snakemake makes one for an output inside it; between two renames there would be none."""
    (tmp_path / "out").mkdir()
    renamed, rename = [], Path.rename
    monkeypatch.setattr(Path, "rename", lambda self, target: renamed.append(target) or rename(self, target))
    with atomic_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
    assert renamed == [tmp_path / "out"]
    assert (tmp_path / "out" / "a").read_text() == "1"


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


def writer(target, kind="folder"):
    """Another process that is half through an output; its input ends the wait."""
    code = f"""
import sys
from xct4d.io.atomic import atomic_file, atomic_folder
with atomic_{kind}({str(target)!r}) as f:
    (f / "half" if f.is_dir() else f).write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize(("kind", "atomic"), [("folder", atomic_folder), ("file", atomic_file)])
def test_a_living_run_is_not_disturbed_and_the_second_says_who_it_is(tmp_path, kind, atomic):
    first = writer(tmp_path / "out", kind)
    before = sorted(os.listdir(tmp_path))
    message = rf"out: is being written by process {first.pid} of \S+; wait until that has ended, or end it"
    with pytest.raises(InputError, match=message), atomic(tmp_path / "out"):
        pytest.fail("two write at once")
    assert sorted(os.listdir(tmp_path)) == before
    first.communicate("")
    assert first.returncode == 0
    assert os.listdir(tmp_path) == ["out"]
    assert (tmp_path / "out" / "half" if kind == "folder" else tmp_path / "out").read_text() == "half"


def test_a_child_that_lives_on_does_not_hold_the_output(tmp_path):
    """Kernels compile in a child: a killed job must not keep its next start waiting for that."""
    code = f"""
import os, sys
from xct4d.io.atomic import atomic_folder
with atomic_folder({str(tmp_path / "out")!r}):
    if os.fork() == 0:
        print("ready", flush=True)
        sys.stdin.read()
        os._exit(0)
    os.wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    os.waitpid(parent.pid, 0)
    with atomic_folder(tmp_path / "out"):
        pass
    parent.stdin.close()  # ends the child
    assert os.listdir(tmp_path) == ["out"]


def test_without_locks_an_output_is_written_all_the_same(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(output_lock.fcntl, "lockf", refused)
    with atomic_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == ["out"]


def test_who_is_killed_between_two_renames_loses_nothing(tmp_path):
    (tmp_path / ".out.xct4d-old").mkdir()
    (tmp_path / ".out.xct4d-old" / "a").write_text("old")
    (tmp_path / ".out.xct4d-17").mkdir()
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "out"):
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["out"]
    assert (tmp_path / "out" / "a").read_text() == "old"


def test_all_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.path.basename(os.readlink(f"/proc/self/fd/{file}"))))
    rename = Path.rename

    def renamed(self, target):
        done.append("renamed")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", renamed)
    with atomic_folder(tmp_path / "place" / "out") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a").write_text("1")
    assert {"a", "deep"} <= set(done[: done.index("renamed")])
    assert done[-1] == "place"


def test_a_disk_that_is_full_only_when_it_is_written_to_is_one_line(tmp_path, monkeypatch):
    """Network file systems say so late."""

    def full(_):
        raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"), atomic_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
    assert os.listdir(tmp_path) == []


def test_killed_run_leaves_no_output_and_its_temporary_is_removed(tmp_path):
    child = writer(tmp_path / "out")
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "out").exists()
    assert all(name.startswith(".out.xct4d-") for name in os.listdir(tmp_path))
    with atomic_folder(tmp_path / "out"):
        pass
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), OSError("1000 requested and 12 written"), RuntimeError("I/O: No space left on device")]
)
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
