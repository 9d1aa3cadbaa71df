"""Where kernels are stored, and that a first run, which compiles them, computes what later ones do, which load them."""

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xct4d import compilation
from xct4d.compilation import STALE, stored

ROOT = Path(__file__).parents[1]

# sums whose order LLVM is free to choose: the case in which the two differ
SUMS = """
import sys, numpy as np, numba
from xct4d.workflow.job import job
with job(sys.argv[1], 1):
    from xct4d.kernels.cpu.segments import _sum
    rng = np.random.default_rng(0)
    start = np.concatenate([[0], np.cumsum(rng.integers(5, 40, 256))])
    out = np.empty(256, np.float32)
    _sum(rng.random(start[-1], np.float32), start, out)
    (hits,) = _sum.stats.cache_hits.values()
    print(hits, out.tobytes().hex())
"""


def test_a_first_run_computes_what_later_ones_do(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", SUMS, str(tmp_path / "log")]
    first, second = (
        subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True, text=True).stdout for _ in range(2)
    )
    assert first.startswith("1 ")  # loaded, though nothing had been stored
    assert first == second


# eight threads, each with a kernel that nothing has compiled
THREADS = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
from xct4d.workflow.job import job
fork, within = os.fork, []
def slow_fork():
    within.append(1)
    time.sleep(0.1)
    assert len(within) == 1, "two threads compile at once"
    within.clear()
    return fork()
os.fork = slow_fork
with job(sys.argv[1], 1):
    from kernels_of_threads import KERNELS
    with ThreadPoolExecutor(8) as pool:
        print(list(pool.map(lambda kernel: kernel(2.0), KERNELS)))
"""


def test_threads_that_need_new_kernels_wait_for_each_other(tmp_path):
    """A child that is forked while another thread compiles would never end."""
    lines = ["from xct4d.compilation import numba", "KERNELS = []"]
    for k in range(8):
        lines += ["@numba.njit(cache=True)", f"def kernel{k}(x):", f"    return x * {k} + {k}", f"KERNELS.append(kernel{k})"]
    (tmp_path / "kernels_of_threads.py").write_text("\n".join(lines) + "\n")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-c", THREADS, str(tmp_path / "log")]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{[3.0 * k for k in range(8)]}\n"


def test_code_for_a_gpu_is_made_once_and_again_where_it_was_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "FOLDER", tmp_path / "cache")
    made = []

    def code():
        made.append(b"name\ncode")
        return made[-1]

    assert [stored("kernel", ["numba", "not-installed"], code) for _ in range(2)] == 2 * [b"name\ncode"]
    assert len(made) == 1
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert stored("kernel", ["numba", "not-installed"], code) == stored("kernel", ["numba", "not-installed"], code) == b"name\ncode"
    assert len(made) == 2
    stored("another kernel", ["numba", "not-installed"], code)
    stored("kernel", ["numba"], code)
    assert len(made) == 4


# where a process with another numba stores kernels
CHOICE = """
import importlib.metadata, sys
real = importlib.metadata.version
importlib.metadata.version = lambda name: sys.argv[1] if name == "numba" else real(name)
from xct4d.kernels.cpu import segments
print(segments.numba.config.CACHE_DIR)
print(segments._sum._cache.cache_path)
"""


def run(package, code, *arguments, **environment):
    """Lines that Python code prints in a process that imports this copy of the package; an empty variable is not set there."""
    environment = {name: value for name, value in (os.environ | {"NUMBA_CACHE_DIR": ""} | environment).items() if value}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, check=False, cwd=package.parent, env=environment | {"PYTHONPATH": str(package.parent)}, capture_output=True, text=True
    )


def choice(package, numba="0.61.0", **environment):
    """Folder in which such a process stores kernels; it exists."""
    done = run(package, CHOICE, numba, **environment)
    assert done.returncode == 0, done.stderr
    chosen, used = done.stdout.splitlines()
    assert Path(used).parent == Path(chosen)
    return Path(chosen)


@pytest.fixture
def package(tmp_path):
    return shutil.copytree(ROOT / "xct4d", tmp_path / "installed" / "xct4d", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def read_only(package):
    """The package where nothing can be written: a file stands where the folder would be, which stops root too."""
    (package / "__pycache__").write_text("")
    return package


def test_two_environments_keep_their_kernels_apart_and_whole(package):
    one, other = choice(package, "0.61.0"), choice(package, "0.68.1")
    assert other != one and other.parent == one.parent
    assert one.parents[1] == package / "__pycache__"
    assert one.exists()


def test_what_the_user_chooses_holds(package, tmp_path):
    assert choice(package, NUMBA_CACHE_DIR=str(tmp_path / "chosen")) == tmp_path / "chosen"


def test_a_chosen_folder_that_cannot_be_written_is_one_line(package, tmp_path):
    (tmp_path / "file").write_text("")
    script = "from xct4d.workflow.job import job\nwith job('log', 1): pass"
    done = run(package, script, NUMBA_CACHE_DIR=str(tmp_path / "file" / "kernels"))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"NUMBA_CACHE_DIR: no kernel can be stored in {tmp_path}/file/kernels; set it to a folder that you may write to, or unset it\n"
    )


def test_a_read_only_installation_stores_in_the_home(read_only, tmp_path):
    chosen = choice(read_only, HOME=str(tmp_path / "home"))
    assert tmp_path / "home" / ".cache" / "xct4d" in chosen.parents


def homeless(tmp_path):
    """Environment of a user without a home; the system's temporary folder is this one."""
    (tmp_path / "temporary").mkdir(exist_ok=True)
    return {"HOME": "/dev/null/none", "TMPDIR": str(tmp_path / "temporary")}


def test_without_a_home_a_folder_of_the_users_own_serves(read_only, tmp_path):
    chosen = choice(read_only, **homeless(tmp_path))
    own = tmp_path / "temporary" / f"xct4d-{os.getuid()}"
    assert own in chosen.parents
    assert own.stat().st_mode & 0o777 == 0o700
    assert choice(read_only, **homeless(tmp_path)) == chosen


@pytest.mark.parametrize("planted", ["link", "open"])
def test_kernels_are_not_stored_where_others_may_write(read_only, tmp_path, planted):
    """Such a process stores none, says so, and computes all the same."""
    environment = homeless(tmp_path)
    own, elsewhere = tmp_path / "temporary" / f"xct4d-{os.getuid()}", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if planted == "link":
        own.symlink_to(elsewhere)
    else:
        own.mkdir()
        own.chmod(0o777)
    code = (
        "import torch\nfrom xct4d.kernels.segments import segment_sum\nprint(segment_sum(torch.ones(3), torch.tensor([0, 2, 3])).tolist())"
    )
    done = run(read_only, code, **environment)
    assert (done.returncode, done.stdout) == (0, "[2.0, 1.0]\n")
    assert "compiled kernels can be stored nowhere" in done.stderr
    assert not [*own.iterdir(), *elsewhere.iterdir()]


def test_importing_the_library_changes_nothing(package):
    """Neither the environment nor the folders; importing kernels removes none."""
    old = package / "__pycache__" / "kernels-old"
    old.mkdir(parents=True)
    os.utime(old, (time.time() - STALE - 60,) * 2)
    code = "import os; before = dict(os.environ); import xct4d; print(dict(os.environ) == before)"
    assert run(package, code, PYTHONDONTWRITEBYTECODE="1").stdout == "True\n"
    assert list((package / "__pycache__").iterdir()) == [old]
    choice(package)
    assert old.exists()


def test_a_job_removes_kernels_of_other_sources_that_none_has_used_for_a_week(package):
    old, young = choice(package), package / "__pycache__" / "kernels-of-another-checkout"
    young.mkdir()
    os.utime(old.parent, (time.time() - STALE - 60,) * 2)
    script = "from xct4d.workflow.job import job\nwith job('log', 1): pass"
    assert run(package, script).returncode == 0
    assert old.exists()  # of these sources
    os.utime(old.parent, (time.time() - STALE - 60,) * 2)
    source = package / "kernels" / "shared" / "adam.py"  # has no numba, but kernels read it
    source.write_text(source.read_text() + "# changed\n")
    assert run(package, script).returncode == 0
    assert not old.exists()
    assert young.exists()


def test_every_stored_kernel_knows_the_place():
    """Modules whose kernels are stored import the numba that was told where."""
    for source in (ROOT / "xct4d").rglob("*.py"):
        tree = ast.parse(source.read_text())
        stores = any(isinstance(node, ast.keyword) and node.arg == "cache" for node in ast.walk(tree))
        imports = {
            node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and "numba" in {name.name for name in node.names}
        }
        assert not stores or imports == {"xct4d.compilation"}, source
