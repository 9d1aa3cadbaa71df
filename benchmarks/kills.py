"""Kills of the whole workflow: `python -m benchmarks.kills FOLDER [--kills 72] [--seed 0]`.

A small pipeline, with a trained mixer, runs undisturbed once. Then it runs
again and again in folders of its own, and is killed (SIGKILL) on the way in each
stage, or within a second of its end: a job alone, Snakemake alone (its job goes
on, and the next run begins beside it or after it), or everything at once. Each
kill is followed by the same command, until the pipeline ends. Printed is how
often what was killed, whether the results are those of the undisturbed run bit
for bit, how often a training went on, and whether one began before its
checkpoint or a job ran again that was finished.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import re
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).parents[1]
SNAKEMAKE = (sys.executable, "-m", "snakemake")
TRAINING = {"checkpoint_every": 5, "evaluate_every": 20, "rays": 64, "samples": 16}
CONFIG = {
    "datasets": {"d": {"input": {"scene": "tiny"}}},
    "canonical": TRAINING | {"steps": 100, "grid": {"levels": 2, "log2_size": 8, "finest": 16, "width": 16}, "bake": 16},
    "velocity": TRAINING | {"start": "rest", "levels": [{"resolution": 6, "steps": 40, "learning_rate": 0.01}]},
    "mixing": TRAINING | {"method": "spline", "steps": 40},
    "export": {"times": [0.5], "resolution": 8, "kinds": ["mixed"]},
    "analyse": {"resolution": 8},
    "evaluate": {"resolution": 8},
}
# what each stage makes, in the order in which they run
STAGES = {
    "simulate": "simulated",
    "prepare": "prepared/forward",
    "check": "check",
    "canonical": "canonical/forward",
    "calibrate": "calibration",
    "register": "registration",
    "velocity": "velocity/6",
    "mixing": "mixing",
    "trust": "trust",
    "analyse": "motion/displacement/t0.5000.zarr/zarr.json",
    "export": "volumes/mixed/t0.5000.zarr/zarr.json",
    "evaluate": "evaluation",
    "report": "report",
}
TRAINED = {"canonical_forward", "canonical_backward", "velocity_6", "mixing"}
VICTIMS = ("snakemake", "everything", "job")
# Clocks and loads of the machine; what `evaluate` removes; the page shows the benchmarks.
NOT_COMPARED = ("logs", "benchmarks", "tensorboard", "checkpoints", "report/report.html", "report/.digests.json")
SOON, PATIENCE = 1.0, 1800.0  # seconds: of a stage's end, its first checkpoint or its start; after which a run hangs


@dataclass(frozen=True)
class Kill:
    """What is killed, in or at the end of which stage, and how many seconds after that was seen."""

    stage: str
    at_end: bool
    victim: str
    delay: float
    beside: bool  # whether the next run begins while a job of this one may live


@dataclass
class Found:
    """What a campaign found."""

    kills: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    resumed: int = 0  # trainings that went on from a checkpoint
    ended: int = 0  # trainings that were at their end already
    held: int = 0  # runs that were told that an output is being written


class Pipeline:
    """The workflow in a folder, with what earlier runs have noted as finished."""

    def __init__(self, place: Path, found: Found):
        self.place, self.results, self._found = place, place / "results" / "d", found
        self._finished: set[str] = set()
        self._left: list[psutil.Process] = []  # jobs of a Snakemake that was killed
        place.mkdir(parents=True)
        (place / "c.yaml").write_text(yaml.safe_dump(CONFIG))

    def start(self, *arguments: str) -> psutil.Popen:
        command = [
            *SNAKEMAKE,
            "--snakefile",
            str(ROOT / "workflow" / "Snakefile"),
            "--configfile",
            "c.yaml",
            "--cores",
            "1",
        ]
        with (self.place / "said").open("ab") as said:
            return psutil.Popen([*command, *arguments], cwd=self.place, stdout=said, stderr=said, start_new_session=True)

    def run(self, kill: Kill | None) -> bool:
        """Run until the kill, or to the end; True where it ended well by itself."""
        if any((self.place / ".snakemake" / "locks").glob("*")):
            self.start("--unlock").wait(PATIENCE)
        stored, began, said = self._steps(), time.time(), self._said()
        alone = not any(job.is_running() for job in self._left)  # else a log may be that of an older job
        process = self.start()
        self._left += self._kill(process, kill, began) if kill is not None else []
        code = process.wait(PATIENCE)
        if kill is None or not kill.beside:
            psutil.wait_procs(self._left, PATIENCE)
        if alone:
            self._look_at_trainings(stored, began, complete=code == 0)
        self._look_at_jobs(self._said()[len(said) :])
        return code == 0

    def _kill(self, process: psutil.Popen, kill: Kill, began: float) -> list[psutil.Process]:
        """Kill when the moment has come. Returns the processes of jobs that lived then."""
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and not self._seen(kill, began):
            time.sleep(0.02)
        time.sleep(kill.delay)
        with contextlib.suppress(psutil.NoSuchProcess):
            jobs = process.children(recursive=True)
            while kill.victim == "job" and not jobs and process.status() != psutil.STATUS_ZOMBIE:  # it has just ended: the next one
                time.sleep(0.02)
                jobs = process.children(recursive=True)
            victims = {"snakemake": [process], "everything": [process, *jobs], "job": jobs}[kill.victim]
            for victim in victims:
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
            if victims:
                with (self.place / "said").open("a") as said:
                    said.write(f"--- killed: {kill}\n")
                self._found.kills[f"{kill.victim}, {'end of ' if kill.at_end else ''}{kill.stage}"] += 1
            return jobs
        return []

    def _seen(self, kill: Kill, began: float) -> bool:
        output = self.results / STAGES[kill.stage]
        if kill.at_end:
            return output.exists() and output.stat().st_mtime > began - 1
        trains = any(job.startswith(kill.stage) for job in TRAINED)
        files = (
            (self.results / "checkpoints").glob(f"{kill.stage}*.checkpoint")
            if trains
            else (self.results / "logs").glob(f"{kill.stage}*.log")
        )
        return any(file.stat().st_mtime > began for file in files)

    def _steps(self) -> dict[str, int]:
        """Steps in the checkpoint of each training."""
        steps = {}
        for path in (self.results / "checkpoints").glob("[!.]*.checkpoint"):  # not the temporary of a killed job
            content = path.read_bytes()[32:]
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            steps[path.name.split(".")[0]] = int(header["__metadata__"]["step"])
        return steps

    def _look_at_trainings(self, stored: dict[str, int], began: float, *, complete: bool) -> None:
        """Did the trainings of a run begin where the checkpoints before it were?"""
        for job in TRAINED:
            log = self.results / "logs" / f"{job}.log"
            if not log.is_file() or log.stat().st_mtime < began:
                continue
            text, before = log.read_text(), stored.get(job, 0)
            total = CONFIG[job.split("_")[0]].get("steps") or CONFIG["velocity"]["levels"][0]["steps"]
            if "was trained to the end before" in text:
                self._found.ended += 1
            elif match := re.search(r"goes on from step (\d+)", text):
                self._found.resumed += 1
                if int(match[1]) < before:
                    self._found.wrong.append(f"{self.place.name}: {job} began at step {match[1]}, its checkpoint had {before}")
            elif before > 0 and (re.search(rf"^d: [a-z0-9 ]+: {total}/{total}", text, re.MULTILINE) or complete):
                self._found.wrong.append(f"{self.place.name}: {job} began anew, its checkpoint had {before} of {total}")
            if "begins anew" in text or "Traceback" in text:
                self._found.wrong.append(f"{self.place.name}: {job}: {text.splitlines()[-1]}")

    def _said(self) -> str:
        path = self.place / "said"
        return path.read_text() if path.is_file() else ""

    def _look_at_jobs(self, said: str) -> None:
        """Did a job run that an earlier run had noted as finished?"""
        names = dict(re.findall(r"^Job (\d+): (d: .+)", said, re.MULTILINE))
        self._found.held += "is being written by process" in said
        self._found.wrong += [f"{self.place.name}: {name} was finished, and ran again" for name in names.values() if name in self._finished]
        self._finished |= {names[job] for job in re.findall(r"^Finished jobid: (\d+)", said, re.MULTILINE) if job in names}

    def contents(self) -> dict[str, str]:
        """Digest of every file of the results."""
        files = {path.relative_to(self.results).as_posix(): path for path in self.results.rglob("*") if path.is_file()}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in sorted(files.items())
            if not name.startswith(NOT_COMPARED) and path.name != ".snakemake_timestamp"
        }


def planned(kills: int, random: random.Random) -> list[list[Kill]]:
    """Kills in the order of the stages, by pipeline."""
    chains: list[list[Kill]] = []
    for number in range(kills):
        chain, place = divmod(number, len(STAGES))
        if place == 0:
            chains.append([])
        at_end = (chain + place) % 2 == 0
        victim = VICTIMS[(chain + chain // len(VICTIMS) + place) % len(VICTIMS)]
        delay = random.uniform(0, SOON)
        chains[-1].append(Kill([*STAGES][place], at_end, victim, delay, beside=victim == "snakemake" and random.random() < 0.5))
    return chains


def campaign(folder: Path, kills: int, seed: int) -> Found:
    """Run all pipelines; the folder keeps those that ended otherwise than they should."""
    found = Found()
    undisturbed = Pipeline(folder / "undisturbed", found)
    if not undisturbed.run(None):
        found.wrong.append("the undisturbed run failed")
        return found
    expected = undisturbed.contents()
    for number, chain in enumerate(planned(kills, random.Random(seed))):
        pipeline = Pipeline(folder / f"killed_{number}", found)
        for kill in chain:
            pipeline.run(kill)
        ended = any(pipeline.run(None) for _ in range(3))  # a job of a killed Snakemake may still hold its output
        contents = pipeline.contents()
        unlike = [name for name in sorted(contents.keys() | expected.keys()) if contents.get(name) != expected.get(name)]
        if not ended or unlike:
            found.wrong.append(f"{pipeline.place.name}: {'ended' if ended else 'did not end'}, unlike: {', '.join(unlike) or 'nothing'}")
        own = [line for line in found.wrong if line.startswith(f"{pipeline.place.name}:")]
        if not own:
            shutil.rmtree(pipeline.place)
        print("\n".join([f"{number + 1}: {sum(found.kills.values())} kills, {len(found.wrong)} wrong", *own]), flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--kills", type=int, default=72)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    found = campaign(chosen.folder, chosen.kills, chosen.seed)
    for what, count in sorted(found.kills.items()):
        print(f"{count:3d}  {what}")
    print(
        f"{sum(found.kills.values())} kills; trainings resumed {found.resumed}, at their end already {found.ended}; runs told of another {found.held}"
    )
    print("\n".join(found.wrong) or "nothing was lost, repeated or otherwise than undisturbed")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
