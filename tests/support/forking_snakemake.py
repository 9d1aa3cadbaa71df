"""Run as a program: `snakemake` for each line of stdin, in a fork of this process, which has imported it once.

A line is JSON: arguments, cwd, environment, stdout and stderr (files). Answered is the exit
status. Only Snakemake and what it needs are imported beforehand, so that each
command takes the xct4d of its own checkout, as `python -m snakemake` would.

A job of so many threads as the first argument says, in no environment of its own, is a fork too, of
the Snakemake that runs it: a process that can be killed, whose imports of xct4d are its own. With
`prepared` as the second, what stages import of other packages has been imported once for all jobs as
well. With `once` it is one `snakemake` with the arguments after it, which imports that before its first job.
"""

import importlib
import json
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
from functools import cache
from types import SimpleNamespace

JOB_THREADS, KIND = sys.argv[1:3]
for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = JOB_THREADS  # as xct4d.workflow.job sets them before a job loads anything
os.environ["OMP_WAIT_POLICY"] = "passive"

from snakemake.cli import main  # noqa: E402

for package in ("snakemake.report.html_reporter", "smart_open", "yte", "platformdirs"):  # what it would import itself
    importlib.import_module(package)

PATH = sys.path[1:]
STAGES = "torch torch.utils.tensorboard numba scipy.linalg scipy.optimize scipy.ndimage scipy.fft zarr skimage.filters skimage.transform"
FIGURES = "matplotlib.figure matplotlib.backends.backend_agg matplotlib.image jinja2 imageio.v2 imageio.v3 tifffile safetensors.torch"
# after the activation of an environment only where that has no Python of its own
START = re.compile(
    rf"(?:source \S+/activate '\S+'; )?set -euo pipefail; +{re.escape(shlex.quote(sys.executable))} (\S*\.snakemake/scripts/\S+\.py)"
)


class Forked:
    """The process of a job, with what Snakemake asks of it."""

    def __init__(self, script: str, environment: dict[str, str]):
        self.returncode = None
        if KIND == "once":
            prepare()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(run_script(script, environment))

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


@cache
def prepare() -> None:
    for package in f"{STAGES} {FIGURES}".split():
        importlib.import_module(package)
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()  # what else the first kernel of each job would load
    cpu_target.target_context.refresh()


def run_script(script: str, environment: dict[str, str]) -> int:
    """As `python script` would. Returns the exit status."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.argv, sys.path[:] = [script], [os.path.dirname(script), *PATH]
    for module in [name for name in sys.modules if name.partition(".")[0] == "xct4d"]:
        del sys.modules[module]
    status = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - it is the interpreter that ends here
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def start(command, *arguments, **named):
    """In the place of subprocess.Popen, for what Snakemake starts."""
    found = START.fullmatch(command.strip()) if isinstance(command, str) else None
    if found and named["env"]["OMP_NUM_THREADS"] == JOB_THREADS:
        return Forked(found[1], named["env"])
    return subprocess.Popen(command, *arguments, **named)


sys.modules["snakemake.shell"].sp = SimpleNamespace(**{**vars(subprocess), "Popen": start})


def run(arguments: list[str], cwd: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = cwd  # as with `python -m`
    sys.argv = ["snakemake", *arguments]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, file in ((1, stdout), (2, stderr)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    main()


if KIND == "once":
    sys.path[0] = ""
    sys.argv = ["snakemake", *sys.argv[3:]]
    main()
if KIND == "prepared":
    prepare()
for line in sys.stdin:
    if (child := os.fork()) == 0:
        run(**json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
