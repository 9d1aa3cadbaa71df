"""The workflow on a real SLURM cluster, with everything going wrong that can."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from slurm_cluster import Cluster, Unavailable
from tiny_run import RESULTS, TINY, contents, undisturbed

from workflow import ROOT, jobs, snakemake

# Without conda (the rules name no environment modules, so this does nothing), and with two CPUs a job.
ON_SLURM = ("--profile", "slurm", "--software-deployment-method", "env-modules", "--cores", "2", "--max-threads", "2", *TINY)

# A training job that is about to write its second checkpoint, or an export about to be finished,
# looks for an order of its name and carries it out, once.
FAULTS = """\
import asyncio, os, re, signal, sys, time

def obey(event, arguments):
    if event != "os.rename":
        return
    target = str(arguments[1])
    found = re.search(r"/mixed/(t0.5000).zarr$", target) or (os.path.exists(target) and re.search(r"/checkpoints/(\\w+)\\.\\w+\\.checkpoint$", target))
    if not found:
        return
    order = os.path.join(os.environ["FAULTS"], found[1])
    try:
        os.rename(order, f"{order}.{os.getpid()}")
    except FileNotFoundError:
        return
    with open(f"{order}.{os.getpid()}") as file:
        what = file.read()
    if what == "fill memory":
        hoard = [os.urandom(2**20) * 2**12, time.sleep(60)]
    else:
        os.kill(os.getpid(), getattr(signal, what))

sys.addaudithook(obey)

# Snakemake asks SLURM more and more rarely how its jobs do; here most of the time would be that.
async def briefly(seconds, *result, sleep=asyncio.sleep):
    return await sleep(min(seconds, 2), *result)

asyncio.sleep = briefly
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # not below pytest's own folder: SLURM's paths go into sockets, which are short
    folder = Path("/tmp") / f"xct4d-slurm-{os.getpid()}"
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    except Unavailable as reason:
        pytest.skip(str(reason))
    finally:
        cluster.stop()


@dataclass(frozen=True)
class Story:
    """What happened."""

    place: Path
    at_once: set[str]  # jobs that ran while both canonicals trained
    missing: list[str]  # work left when Snakemake and its job had been killed
    jobs: dict[str, list[dict[str, str]]]  # what SLURM tells of the jobs of each stage, in order


@pytest.fixture(scope="module")
def reference(cluster, tmp_path_factory) -> Path:
    """The same on this machine alone, undisturbed."""
    return undisturbed(tmp_path_factory)


@pytest.fixture(scope="module")
def story(cluster, tmp_path_factory) -> Story:
    """The pipeline, in two runs of Snakemake and with a fault in every stage that trains."""
    place = tmp_path_factory.mktemp("slurm")
    (place / "slurm").symlink_to(ROOT / "slurm")
    (place / "faults").mkdir()
    (place / "sitecustomize.py").write_text(FAULTS)
    environment = {"PATH": cluster.path, "PYTHONPATH": str(place), "FAULTS": str(place / "faults")}

    def order(stage: str, what: str) -> None:
        (place / "faults" / f"{stage}.new").write_text(what)
        (place / "faults" / f"{stage}.new").rename(place / "faults" / stage)

    def stopped(stage: str) -> int:
        """Process of a stage that was ordered to stop, once it has."""
        for _ in range(6000):  # kernels may have to be compiled first
            for taken in (place / "faults").glob(f"{stage}.*"):
                if Path(f"/proc/{taken.suffix[1:]}/stat").exists() and Path(f"/proc/{taken.suffix[1:]}/stat").read_text().split()[2] == "T":
                    taken.unlink()
                    return int(taken.suffix[1:])
            assert first.poll() is None, (place / "said").read_text()
            time.sleep(0.1)
        raise TimeoutError((place / "said").read_text())

    for stage, what in {"canonical_forward": "SIGSTOP", "canonical_backward": "SIGSTOP", "velocity_6": "SIGSTOP"}.items():
        order(stage, what)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), *ON_SLURM]
    with open(place / "said", "w") as said:
        first = subprocess.Popen(
            command, cwd=place, env=os.environ | environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        stopped("canonical_forward")
        backward = stopped("canonical_backward")
        at_once = {name for name, (*_, last) in queue().items() if last["state"] == "RUNNING"}
        # the one runs out of time where it stands; the other loses its node's daemon, and is preempted later
        control("update", f"JobId={queue()['canonical_forward'][0]['id']}", "TimeLimit=1")
        cluster.kill_slurmd()
        cluster.start_slurmd()
        order("canonical_backward", "SIGSTOP")
        os.kill(backward, signal.SIGCONT)
        stopped("canonical_backward")
        control("requeue", queue()["canonical_backward"][0]["id"])
        stopped("velocity_6")
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    subprocess.run(["scancel", queue()["velocity_6"][0]["id"]], check=True)
    assert snakemake("--unlock", "--cores", "1", *TINY, cwd=place).returncode == 0
    missing = jobs(*TINY, cwd=place)
    while queue()["velocity_6"][0]["state"] != "CANCELLED":
        time.sleep(0.1)
    order("velocity_6", "fill memory")
    order("velocity_9", "SIGKILL")
    order("t0.5000", "SIGKILL")
    second = snakemake(*ON_SLURM, cwd=place, **environment)
    assert second.returncode == 0, second.stdout + second.stderr
    return Story(place, at_once, missing, queue())


def queue() -> dict[str, list[dict[str, str]]]:
    """Every job since the cluster started, by its stage, in order."""
    fields = {"id": "%i", "state": "%T", "memory": "%m", "limit": "%l", "cpus": "%C", "comment": "%k"}
    command = ["squeue", "--states=all", "--noheader", "--sort=i", f"--format={'|'.join(fields.values())}"]
    found: dict[str, list[dict[str, str]]] = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        job = dict(zip(fields, line.split("|"), strict=True))
        name = job["comment"].removeprefix("rule_").replace("_wildcards_tiny", "")
        found.setdefault(name, []).append(job)
    return found


def control(*arguments: str) -> str:
    return subprocess.run(["scontrol", *arguments], check=True, capture_output=True, text=True).stdout


def states(story: Story, stage: str) -> list[str]:
    return [job["state"] for job in story.jobs[stage]]


def slurm_log(story: Story, rule: str, wildcards: str, job: str) -> str:
    return (story.place / ".snakemake" / "slurm_logs" / f"rule_{rule}" / wildcards / f"{job}.log").read_text()


def test_one_machine_makes_everything(reference):
    """Before the story, which then finds the kernels compiled: to wait until another process has made it takes a while."""
    assert (reference / RESULTS / "report" / "report.html").is_file()


def test_both_canonicals_train_at_once(story):
    assert story.at_once >= {"canonical_forward", "canonical_backward"}  # beside them the check may run


def test_every_fault_happened(story):
    assert states(story, "canonical_forward") == ["TIMEOUT", "COMPLETED"]
    assert states(story, "canonical_backward") == ["COMPLETED"]
    assert "Restarts=1 " in control("show", "job", story.jobs["canonical_backward"][0]["id"])
    assert states(story, "velocity_6") == ["CANCELLED", "FAILED", "COMPLETED"]
    assert "exceeded memory limit" in slurm_log(story, "velocity", "tiny_6", story.jobs["velocity_6"][1]["id"])
    assert states(story, "velocity_9") == ["FAILED", "COMPLETED"]


def test_training_goes_on_from_its_checkpoint(story):
    for stage in ("canonical_forward", "canonical_backward", "velocity_6", "velocity_9"):
        said = (story.place / RESULTS / "logs" / f"{stage}.log").read_text()
        assert re.search(rf"^tiny: {stage.replace('_', ' ')}: goes on from step [1-9]\d+$", said, flags=re.MULTILINE), said


def test_a_retry_asks_for_more(story):
    starved, fed = (int(job["memory"].removesuffix("M")) for job in story.jobs["velocity_6"][1:])
    assert fed == 2 * starved
    assert story.jobs["canonical_forward"][1]["limit"] == "22:00"  # twice 11 minutes


def test_a_run_that_was_killed_leaves_the_missing_work_only(story):
    at_times = [f"tiny: {stage} t = {t}" for stage in ("export", "analyse") for t in ("0.0000", "0.5000", "1.0000")]
    assert story.missing == sorted(
        ["tiny: velocity 6", "tiny: velocity 9", "tiny: trust", "tiny: mixing", *at_times, "tiny: series", "tiny: evaluate", "tiny: report"]
    )


def test_exports_are_one_job(story):
    assert states(story, "export_tiny_export") == ["FAILED", "COMPLETED"]
    before = {
        "simulate",
        "prepare_forward",
        "prepare_backward",
        "prepare_between",
        "canonical_forward",
        "canonical_backward",
        "calibrate",
        "register",
        "check",
    }
    after = {"export_tiny_export", "analyse_tiny_analyse", "evaluate", "report"}
    assert set(story.jobs) == before | {"velocity_6", "velocity_9", "trust", "mixing"} | after


def test_a_job_gets_the_cpus_that_it_uses(story):
    """What is asked for when it is submitted is what Snakemake, started in the job once more, takes; else SLURM refuses its step."""
    asked = {name: {int(job["cpus"]) for job in tried} for name, tried in story.jobs.items()}
    assert asked == {name: {1 if name.startswith(("prepare", "check")) else 2} for name in story.jobs}


def test_the_job_says_why_it_failed(story):
    assert "SIGKILL" in slurm_log(story, "velocity", "tiny_9", story.jobs["velocity_9"][0]["id"])


def test_nothing_is_lost(story, reference):
    """Bit for bit what one machine makes undisturbed, and both commands take it for up to date."""
    assert contents(story.place) == contents(reference)
    assert jobs(*TINY, cwd=story.place) == []
