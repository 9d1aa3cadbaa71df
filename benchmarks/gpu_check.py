"""Everything worth knowing about this program on a CUDA GPU, in one JSON file.

    python -m benchmarks.gpu_check [--only tests launches kernels profile balls kelvin experiment] [--output FILE]

Tests of the kernels, what starting one takes, their speed beside plain torch (and tinycudann, where it
is installed), a profile of the training steps, and whole pipelines with their
times, memory and quality. Parts that were not asked for, or cannot run here,
are named with the reason; a file that exists is added to, part by part. Needs
no network, and installs nothing: any Python that has the packages will do.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import torch

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numba", "numba-cuda", "cuda-core", "tinycudann", "numpy", "snakemake")
KERNEL_SAMPLES = 2**20
PROFILED_STEPS = 20
RUNS = ("balls", "kelvin", "experiment")
LONGEST = 3600  # seconds of one part


def tests() -> dict[str, Any]:
    """The CUDA kernels against their torch references, on this GPU, and tinycudann, where it is installed, against them."""
    tinycudann = "tests/fields/test_tiny.py::test_the_real_one_computes_the_same_field_and_gradients"
    done = _python("-m", "pytest", "tests/kernels/test_cuda_kernels.py", "tests/test_device.py", tinycudann)
    return {
        "passed": done.returncode == 0,
        "summary": _last_line(done.stdout),
        "output": "" if done.returncode == 0 else done.stdout[-4000:],
    }


def launches() -> dict[str, Any]:
    """What the host spends on starting a kernel."""
    done = _python("-m", "benchmarks.launches")
    return {"failed": (done.stdout + done.stderr)[-4000:]} if done.returncode else json.loads(_last_line(done.stdout))


def kernels() -> dict[str, Any]:
    """Cost of training steps beside plain torch on the same GPU."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernels.json"
        done = _python("-m", "benchmarks.kernels", "--device", "cuda", "--samples", str(KERNEL_SAMPLES), "--json", str(file))
        print(done.stdout)
        figures = json.loads(file.read_text()) if file.exists() else {"figures": {}}
    for figure in figures["figures"].values():
        figure["samples_per_second"] = 1e6 / figure["xct4d_us"]
    return figures | ({"failed": (done.stdout + done.stderr)[-4000:]} if done.returncode else {})


def profile() -> dict[str, Any]:
    """Where the time of a training step goes, kernel by kernel, with the part of the memory's bandwidth and of the arithmetic reached."""
    done = _python("-m", "benchmarks.gpu_profile", "--steps", str(PROFILED_STEPS))
    if done.returncode:
        return {"failed": (done.stdout + done.stderr)[-4000:]}
    return json.loads(done.stdout)


def pipeline(name: str) -> dict[str, Any]:
    """A whole run by the command that a user types."""
    configs = {"balls": ["config.yaml"], "experiment": ["experiment.yaml", f"presets/gpu-{preset()}.yaml"]}.get(name, [f"{name}.yaml"])
    with tempfile.TemporaryDirectory() as folder, Watched() as memory:
        command = ("-m", "snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--cores", "all", "--config", "device=cuda")
        start = time.monotonic()
        done = _python(*command, "--configfile", *(str(ROOT / "config" / config) for config in configs), cwd=Path(folder))
        seconds = time.monotonic() - start
        if done.returncode:
            return {"failed": (done.stdout + done.stderr)[-6000:]}
        results = Path(folder) / "results" / name
        jobs = {}
        for file in sorted((results / "benchmarks").glob("*.tsv")):
            header, *rows = [line.split("\t") for line in file.read_text().splitlines()]
            row = dict(zip(header, rows[-1], strict=False))
            jobs[file.stem] = {
                "seconds": float(row["s"]),
                "host_mb": float(row["max_rss"]) if row["max_rss"] not in ("", "-", "NA") else None,
            }
        metrics = json.loads((results / "evaluation" / "metrics.json").read_text())
    return {"configuration": configs, "seconds": seconds, "gpu_mb": memory.most, "jobs": jobs, "quality": quality(metrics)} | _beside_cpu(
        name, metrics
    )


def preset() -> str:
    """The one that fits this GPU."""
    return "32gb" if torch.cuda.get_device_properties(0).total_memory >= 30 * 2**30 else "16gb"


def quality(metrics: dict[str, Any]) -> dict[str, Any]:
    """The figures of metrics.json that runs are compared by."""
    return {
        "times": [
            {key: moment[key] for key in ("time", "self_correlation", "correlation")}
            | {key: (moment.get(key) or {}).get("mean") for key in ("displacement_error", "centre_error")}
            for moment in metrics["times"]
        ],
        "held_out_psnr": metrics["held_out"]["mean"]["psnr"],
    }


def _beside_cpu(name: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """The largest loss of correlation against the run on a CPU, where its figures were kept."""
    kept = RESULTS / "quality-cpu.json"
    cpu = json.loads(kept.read_text()).get(name) if kept.exists() else None
    if cpu is None:
        return {}
    pairs = zip(cpu["times"], quality(metrics)["times"], strict=True)
    return {"correlation_lost": max(a["correlation"][kind] - b["correlation"][kind] for a, b in pairs for kind in a["correlation"])}


class Watched:
    """The most memory that was in use on the GPU within a block, MB, other programs' included."""

    def __enter__(self) -> Self:
        self.most: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_error) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            try:
                said = subprocess.run(
                    ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"], check=True, capture_output=True, text=True
                )
            except (OSError, subprocess.CalledProcessError):
                return
            self.most = max(self.most or 0.0, *map(float, said.stdout.split()))


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "tests": tests,
    "launches": launches,
    "kernels": kernels,
    "profile": profile,
    **{name: (lambda name=name: pipeline(name)) for name in RUNS},
}


def machine() -> dict[str, Any]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    gpu = torch.cuda.get_device_properties(0)
    return {
        "gpu": gpu.name, "memory_gb": round(gpu.total_memory / 2**30, 1), "capability": f"{gpu.major}.{gpu.minor}", "cuda": torch.version.cuda,
        "cpu_cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version(), "versions": versions,
    }  # fmt: skip


def lacking(part: str) -> str | None:
    """What a part needs and does not find."""
    needed = ["pytest"] if part == "tests" else ["snakemake", "zarr", "skimage", "tensorboard"] if part in RUNS else []
    absent = [name for name in needed if find_spec(name) is None]
    return f"{', '.join(absent)} not installed" if absent else None


def missing() -> str | None:
    """Why nothing can be checked here."""
    if not torch.cuda.is_available():
        return "PyTorch finds no CUDA GPU"
    return None if find_spec("numba_cuda") else "numba-cuda is not installed: pip install -e '.[cuda]'"


def _python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, *arguments]
    try:
        return subprocess.run(command, check=False, cwd=cwd, capture_output=True, text=True, env=environment, timeout=LONGEST)
    except subprocess.TimeoutExpired as late:
        said = [text.decode() if isinstance(text, bytes) else text or "" for text in (late.stdout, late.stderr)]
        return subprocess.CompletedProcess(command, 1, said[0], f"{said[1]}\nnot done within {LONGEST} s")


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="parts to run (default: all)")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/<GPU>-<date>.json")
    given = parser.parse_args()
    if (reason := missing()) is not None:
        sys.exit(f"gpu-check: {reason}; nothing was checked")
    found = machine()
    output = given.output or RESULTS / f"{found['gpu'].replace(' ', '-').lower()}-{datetime.date.today()}.json"
    record = json.loads(output.read_text()) if output.exists() else {"parts": {}}
    record["machine"] = found
    record["skipped"] = {part: "not asked for" for part in PARTS if part not in record["parts"]}
    if find_spec("tinycudann") is None:
        record["skipped"]["tinycudann"] = "not installed"
    output.parent.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        if (reason := lacking(name)) is not None:
            print(f"gpu-check: {name} is skipped: {reason}", file=sys.stderr, flush=True)
            record["skipped"][name] = reason
        else:
            print(f"gpu-check: {name}", file=sys.stderr, flush=True)
            start = time.monotonic()
            record["parts"][name] = PARTS[name]() | {"took_seconds": round(time.monotonic() - start, 1)}
            record["skipped"].pop(name, None)
        output.write_text(json.dumps(record, indent=1) + "\n")  # after every part: none is lost if the next one fails
    done = [name for name in given.only if name in record["parts"]]
    failed = [name for name in done if record["parts"][name].get("failed") or record["parts"][name].get("passed") is False]
    print(f"gpu-check: {output}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
