"""This program on one dataset: run as a user runs it, scored through what a user can open."""

from __future__ import annotations

import hashlib
import json
import math
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from scipy.stats import spearmanr

import xct4d
from benchmarks.motion.scenes import Case, in_material, motion_points
from xct4d.analysis.projections import render_frame
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io import prepared
from xct4d.io.job_cost import cpu_seconds
from xct4d.metrics import Correlation
from xct4d.result import Result

ROOT = Path(__file__).parents[2]
SNAKEMAKE = (sys.executable, "-m", "snakemake")
PIXEL = 2 / 70  # world units on the axis: projections are averaged over about so much before they are compared
DARKEST = 1e-4  # transmission below which the logarithm is not taken
NOT_FITTED = ("prepare", "export", "series", "analyse", "evaluate", "report", "rasterise", "check")  # stages that only read, show or score


def measure(case: Case, dataset: Path, folder: Path, settings: Path | None, cores: int) -> dict:
    """Figures of one scene, from folder/ours.json if it is of the same settings."""
    overrides = {} if settings is None else {k: v for k, v in yaml.safe_load(settings.read_text()).items() if k != "datasets"}
    key = hashlib.sha256(json.dumps([overrides, cores], sort_keys=True).encode()).hexdigest()
    stored = folder / "ours.json"
    if stored.is_file() and (record := json.loads(stored.read_text()))["key"] == key:
        return record
    record = {"key": key} | run(case.name, dataset, folder / "run", overrides, cores)
    results = folder / "run" / "results" / case.name
    record |= score(results, case.times, dict(np.load(folder / "truth.npz")))
    stored.write_text(json.dumps(record, indent=1) + "\n")
    return record


def run(name: str, dataset: Path, folder: Path, overrides: dict, cores: int) -> dict:
    """Reconstruct a dataset from nothing in a folder. Returns CPU seconds (of the whole process tree, and of fitting alone) and wall seconds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"datasets": {name: {"input": {"folder": str(dataset)}}}} | overrides))
    command = [*SNAKEMAKE, "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--directory", str(folder)]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (folder / "log.txt").open("w") as log:
        done = subprocess.run(
            [*command, "--cores", str(cores), "--configfile", str(folder / "config.yaml")],
            check=False,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    after, stop = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    if done.returncode:
        raise SystemExit(f"{name}: snakemake failed, see {folder / 'log.txt'}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    fitting = _fitting_seconds(folder / "results" / name / "logs")
    return {"cpu_s": round(cpu, 1), "fitting_cpu_s": fitting, "wall_s": round(stop - start, 1)}


def _fitting_seconds(logs: Path) -> float | None:
    """CPU seconds of the jobs that fit something, from the last line of their logs; start of Python included. None where a log does not say it."""
    fitting = [path for path in logs.rglob("*.log") if path.relative_to(logs).parts[0].split(".")[0].split("_")[0] not in NOT_FITTED]
    taken = [seconds for path in fitting if (seconds := cpu_seconds(path)) is not None]
    return round(sum(taken), 1) if len(taken) == len(fitting) else None


def score(results: Path, times: tuple[float, ...], truth: dict[str, np.ndarray]) -> dict:
    """Figures of a finished result at some times, against truth.npz."""
    result = xct4d.open(results, units="world")
    scans = {f"{t:g}": _correlations(result, t, truth[f"mu_{t:.3f}"])[0] for t in (0.0, 1.0)}
    scored = [_score_time(result, results, t, truth) for t in times]
    errors, deviations = (np.concatenate(of_times) for of_times in zip(*(arrays for _, arrays in scored), strict=True))
    return {"scans": scans, "trust": trust(deviations, errors), "times": [row for row, _ in scored]}


def _score_time(result: Result, results: Path, t: float, truth: dict[str, np.ndarray]) -> tuple[dict, tuple[np.ndarray, np.ndarray]]:
    """Figures at a time, and the errors and their stated deviations [N] there."""
    mu = truth[f"mu_{t:.3f}"].astype(np.float32)
    inside = in_material(mu)
    points, true = motion_points()[inside], truth[f"u0_{t:.3f}"].reshape(-1, 3)[inside]
    error = np.linalg.norm(-result.displacement(points, t) - true, axis=1)
    deviation = np.linalg.norm(result.displacement_uncertainty(points, t), axis=1)
    correlation, own = _correlations(result, t, mu)
    row = {
        "t": t,
        "still": float(np.linalg.norm(true, axis=1).mean()),
        "mean": float(error.mean()),
        "p95": float(np.percentile(error, 95)),
        "corr": correlation,
        "self": own,
        "held out": held_out_residual(result, results, t),
        "trust": trust(deviation, error),
    }
    return row, (error, deviation)


def _correlations(result: Result, t: float, mu: np.ndarray) -> tuple[float, float]:
    """(correlation with the true attenuation mu [n, n, n], self-correlation)."""
    centres = voxel_centres(len(mu))
    with_truth, own = Correlation(), Correlation()
    for z, plane in zip(centres, mu, strict=True):
        points = torch.from_numpy(grid_points(np.array([z]), centres, centres)).float()
        found = result.model.attenuation(points, t, ["mixed", "forward", "backward"])
        with_truth.add(found["mixed"].numpy(), plane.ravel())
        own.add(found["forward"].numpy(), found["backward"].numpy())
    return with_truth.value, own.value


def held_out_residual(result: Result, results: Path, t: float) -> float | None:
    """rms(predicted - measured) / rms(measured) of the line integrals of held-out projections at the time nearest to t; None without any."""
    states = [prepared.load(results / "prepared" / state) for state in ("forward", "backward", "between")]
    found = [
        (abs(time - t), i, frame)
        for i, frames in enumerate(states)
        for frame, time in enumerate(frames.frame_time())
        if frames.held_out[frame]
    ]
    if not found:
        return None
    least = min(found)[0]
    differences, levels = 0.0, 0.0
    for distance, i, frame in found:
        if distance <= least + 1e-6:
            frames = states[i]
            view = frames.first_view[frame]
            pixel = np.linalg.norm(frames.views.camera_to_world[view, :, 3]) / frames.views.focal[view, 0]
            k = max(round(PIXEL / pixel), 1)
            both = (render_frame(result.model, frames, frame), frames.image(frame))
            predicted, measured = (_binned(-np.log(np.maximum(image, DARKEST) / frames.flat_field), k) for image in both)
            differences, levels = differences + ((predicted - measured) ** 2).sum(), levels + (measured**2).sum()
    return math.sqrt(differences / levels)


def _binned(image: np.ndarray, k: int) -> np.ndarray:
    height, width = (n // k for n in image.shape)
    return image[: height * k, : width * k].reshape(height, k, width, k).mean((1, 3))


def trust(deviation: np.ndarray, error: np.ndarray) -> dict:
    """How far a stated deviation [N] tells the true error [N]: Spearman's rank correlation, and the part of errors beyond twice it."""
    return {"spearman": float(spearmanr(deviation, error).statistic), "beyond": float((error > 2 * deviation).mean())}
