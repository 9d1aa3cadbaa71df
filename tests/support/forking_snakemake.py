"""Run as a program: `snakemake` for each line of stdin, in a fork of this process, which has imported it once.

A line is JSON: arguments, cwd, environment, stdout and stderr (files). Answered is the exit
status. Only Snakemake and what it needs are imported beforehand, so that each
command takes the xct4d of its own checkout, as `python -m snakemake` would.
"""

import json
import os
import sys

from snakemake.cli import main


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


for line in sys.stdin:
    if (child := os.fork()) == 0:
        run(**json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
