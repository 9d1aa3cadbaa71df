"""evaluate: scores of a trained model, and figures of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xct4d import config, metrics, plots
from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.fields import planes
from xct4d.fields.evolution import Evolution
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io import strict_json
from xct4d.io import prepared as prepared_frames
from xct4d.io.atomic import atomic_folder
from xct4d.io.ome_zarr import Volume, open_volume
from xct4d.phantom.truth import Phantom
from xct4d.progress import track
from xct4d.training.render import render_frame

SLAB_POINTS = 2**21  # grid points compared at once
MATERIAL = 0.05  # of the largest attenuation: above it a grid point counts as material
MATERIAL_POINTS = 100_000  # at most, drawn from all material points, on which displacements are compared
SCORED_PIXELS = 2**18  # of a held-out projection, at most: of a larger one each second or third of each second or third row
SLICED_TIMES = 7  # columns of the figure of slices, at most
SHOWN_PROJECTIONS = 3
SHOWN_PLANES = 6  # of a single time
COARSE = 64  # grid points per axis on which the largest attenuation is looked for


def evaluate(
    *,
    volumes: dict[tuple[config.Kind, float], Path],
    canonical_forward: Path,
    canonical_backward: Path | None,
    velocity: Path | None,
    mixing: config.Mixing,
    mixer_folder: Path | None,
    prepared: dict[str, Path],
    truth: Phantom | None,
    settings: config.Evaluate,
    output: Path,
    training: dict[str, Path] | None = None,
    device: torch.device = HOST,
) -> None:
    """Write metrics.json and the figures into `output`, a folder.

    volumes: the exported volume of each kind and time; the times are those that
    are scored. The next five arguments are the outputs of the training stages,
    None where the dataset has no such stage. prepared: the prepared projections
    of each state, whose held-out frames are scored. truth: the object and its
    motion, where they are known. training: stage outputs with a history.json,
    by the titles their curves get ("canonical forward", "velocity 9", "mixing").
    device: where the model is computed.
    Raises InputError where an input is missing or damaged or the output cannot
    be written.
    """
    evolution = Evolution.load(canonical_forward, canonical_backward, velocity, mixing, mixer_folder, device)
    histories = {title: _history(Path(folder) / "history.json") for title, folder in (training or {}).items()}
    evaluate_model(evolution, volumes, prepared, truth, settings, output, histories)


def evaluate_model(
    evolution: Evolution,
    volumes: dict[tuple[config.Kind, float], Path],
    prepared: dict[str, Path],
    truth: Phantom | None,
    settings: config.Evaluate,
    output: Path,
    histories: dict[str, dict],
) -> None:
    """`evaluate` of a model in memory; histories: contents of history.json by title."""
    states = {state: prepared_frames.load(folder) for state, folder in prepared.items()}
    first = next(iter(states.values()))
    times = sorted({t for _, t in volumes})
    if not times:
        raise InputError("no volumes to score", where="export.times")
    if evolution.static and set(volumes) != {("forward", 0.0)}:
        raise InputError("a dataset of one scan has its forward volume at t = 0 alone", where="export", fix="export that")
    shown_planes = planes.choose(evolution, settings.resolution, SHOWN_PLANES if len(times) == 1 else 1)
    with atomic_folder(output) as folder:
        with track("evaluate volumes", len(times)) as progress:
            moments = []
            for t in times:
                moments.append(_moment(evolution, {kind: path for (kind, at), path in volumes.items() if at == t}, t, truth, settings, shown_planes))
                progress.advance()
        projections, shown = _held_out(evolution, states)
        record = {
            "resolution": settings.resolution,
            "static": evolution.static,
            "truth": truth is not None,
            "unit_mm": first.unit_mm,
            "duration_s": first.duration_s,
            "times": [moment.record for moment in moments],
            "held_out": _summary(projections),
        }
        (folder / "metrics.json").write_text(strict_json.dumps(record, indent=1) + "\n")
        _figures(folder, moments, shown_planes, first, shown, histories)


@dataclass(frozen=True)
class Moment:
    """Scores of one time, and the planes of each kind that the figure shows (attenuation per world unit)."""

    time: float
    record: dict[str, Any]
    images: dict[str, list[np.ndarray]]


def _moment(
    evolution: Evolution, paths: dict[config.Kind, Path], t: float, truth: Phantom | None, settings: config.Evaluate, shown: planes.Planes
) -> Moment:
    n = settings.resolution
    kinds: list[config.Kind] = ["forward"] if evolution.static else ["forward", "backward", "mixed"]
    exported = {kind: volume for kind, path in paths.items() if (volume := open_volume(path)).shape == (n, n, n)}
    modelled = [kind for kind in kinds if kind not in exported]
    scores = {kind: metrics.Correlation() for kind in kinds}
    agreement = metrics.Correlation()
    cuts: dict[str, list[list[np.ndarray]]] = {}
    material = []
    centres = voxel_centres(n)
    thickness = max(SLAB_POINTS // n**2, 1)
    top = float(truth.volume(COARSE, t).max()) if truth is not None else 0.0
    for start in range(0, n, thickness):
        points = grid_points(centres[start : start + thickness], centres, centres)
        slab = {kind: _per_world(volume, start, start + thickness) for kind, volume in exported.items()}
        if modelled:
            found = evolution.attenuation(torch.from_numpy(points).float(), t, modelled)
            slab |= {kind: values.numpy().reshape(-1, n, n) for kind, values in found.items()}
        if truth is not None:
            slab["truth"] = truth.density(points, t).reshape(-1, n, n)
            for kind in kinds:
                scores[kind].add(slab[kind], slab["truth"])
            material.append(points[slab["truth"].ravel() > MATERIAL * top])
        if not evolution.static:
            agreement.add(slab["forward"], slab["backward"])
        for kind, values in slab.items():
            cuts.setdefault(kind, []).append(shown.cut(values, start))
    record: dict[str, Any] = {
        "time": t,
        "source": {kind: "export" if kind in exported else "model" for kind in kinds},
        "self_correlation": None if evolution.static else agreement.value,
        "correlation": None if truth is None else {kind: score.value for kind, score in scores.items()},
    }
    if truth is not None and not evolution.static:
        record |= _motion(evolution, truth, np.concatenate(material), t, n)
    return Moment(t, record, {kind: [np.concatenate(parts) for parts in zip(*slabs, strict=True)] for kind, slabs in cuts.items()})


def _motion(evolution: Evolution, truth: Phantom, material: np.ndarray, t: float, n: int) -> dict[str, Any]:
    """Displacement errors from t to both ends, and of the centres of separate objects from t to 0."""
    record: dict[str, Any] = {"displacement_error": None, "displacement_error_to_end": None, "centre_error": None}
    if len(material) > MATERIAL_POINTS:
        material = material[np.random.default_rng(0).choice(len(material), MATERIAL_POINTS, replace=False)]
    if len(material):
        for name, home in (("displacement_error", 0.0), ("displacement_error_to_end", 1.0)):
            true = truth.flow(material, t, home)
            record[name] = metrics.displacement_error(_carried(evolution, material, t, home), true, n)
            record[name]["true_mean"] = float(np.linalg.norm(true - material, axis=1).mean())
    here, home = object_centres(truth.objects_at(t)), object_centres(truth.objects_at(0.0))
    if here is not None and home is not None:
        record["centre_error"] = metrics.displacement_error(_carried(evolution, here, t, 0.0), home, n)
    return record


def object_centres(description: dict[str, Any] | None) -> np.ndarray | None:
    """Centres [K, 3] of the objects of a collection; None for anything else."""
    if description is None or description.get("type") != "object_collection":
        return None
    centres = []
    for thing in description["objects"]:
        if "center" in thing:
            centres.append(thing["center"])
        elif "p0" in thing and "p1" in thing:
            centres.append([(a + b) / 2 for a, b in zip(thing["p0"], thing["p1"], strict=True)])
        elif all(axis + end in thing for axis in "xyz" for end in ("min", "max")):
            centres.append([(thing[axis + "min"] + thing[axis + "max"]) / 2 for axis in "xyz"])
        else:
            return None
    return np.array(centres, np.float64).reshape(-1, 3) if centres else None


def _carried(evolution: Evolution, points: np.ndarray, start: float, stop: float) -> np.ndarray:
    return evolution.flow(torch.from_numpy(points).float(), start, stop).numpy()


def _per_world(volume: Volume, start: int, stop: int) -> np.ndarray:
    unit_mm = volume.attributes["unit_mm"]
    return volume[start:stop] * np.float32(1.0 if unit_mm is None else unit_mm)


def _held_out(evolution: Evolution, states: dict[str, prepared_frames.Frames]) -> tuple[list[dict], list[tuple[str, np.ndarray, np.ndarray]]]:
    """Scores of every held-out projection in order of time, and some of them with their predictions."""
    kind = "forward" if evolution.static else "mixed"
    held_out = [(float(frames.frame_time()[f]), state, f) for state, frames in states.items() for f in np.flatnonzero(frames.held_out).tolist()]
    held_out.sort()
    chosen = set(_spread(len(held_out), SHOWN_PROJECTIONS))
    scores, shown = [], []
    with track("evaluate held-out projections", len(held_out)) as progress:
        for i, (time, state, f) in enumerate(held_out):
            frames = states[state]
            stride = math.ceil(math.sqrt(math.prod(frames.size(f)) / SCORED_PIXELS))
            predicted, measured = render_frame(evolution, frames, f, kind=kind, stride=stride), frames.image(f)[::stride, ::stride]
            scores.append(
                {"state": state, "name": frames.name[f], "time": time, "psnr": metrics.psnr(predicted, measured), "ssim": metrics.ssim(predicted, measured)}
            )
            if i in chosen:
                shown.append((f"t = {time:.3g}, {frames.name[f]}", predicted, measured))
            progress.advance()
    return scores, shown


def _summary(projections: list[dict]) -> dict[str, Any]:
    def mean(of: list[dict]) -> dict[str, Any]:
        return {"count": len(of)} | {key: float(np.mean([p[key] for p in of])) if of else None for key in ("psnr", "ssim")}

    times = sorted({p["time"] for p in projections})
    return {
        "mean": mean(projections),
        "times": [{"time": t} | mean([p for p in projections if p["time"] == t]) for t in times],
        "projections": projections,
    }


def _figures(
    folder: Path,
    moments: list[Moment],
    shown_planes: planes.Planes,
    frames: prepared_frames.Frames,
    shown: list[tuple[str, np.ndarray, np.ndarray]],
    histories: dict[str, dict],
) -> None:
    scale = 1.0 if frames.unit_mm is None else frames.unit_mm
    length, attenuation = ("world unit", "1/world unit") if frames.unit_mm is None else ("mm", "1/mm")
    kinds = [kind for kind in ("truth", "mixed", "forward", "backward") if kind in moments[0].images]
    positions = [position * scale for position in shown_planes.positions()]
    if len(moments) == 1:
        titles, rows = None, {kind: moments[0].images[kind] for kind in kinds}
    else:
        columns = [moments[i] for i in _spread(len(moments), SLICED_TIMES)]
        titles, rows = [f"t = {m.time:g}" for m in columns], {kind: [m.images[kind][0] for m in columns] for kind in kinds}
    plots.slices(
        folder / "slices.png", {kind: [image / scale for image in images] for kind, images in rows.items()}, titles=titles,
        axis=shown_planes.axis, positions=positions, half_width=scale, length_unit=length, attenuation_unit=attenuation,
    )  # fmt: skip
    curves: dict[str, list[float]] = {}
    for moment in moments:
        for kind, value in (moment.record["correlation"] or {}).items():
            curves.setdefault(kind, []).append(value)
        if moment.record["self_correlation"] is not None:
            curves.setdefault("self-correlation", []).append(moment.record["self_correlation"])
    if curves and len(moments) > 1:
        seconds = frames.duration_s
        label = "t (first scan 0, last scan 1)" if seconds is None else "time (s)"
        plots.correlation_over_time(folder / "correlation.png", [m.time * (seconds or 1.0) for m in moments], curves, time_label=label)
    if shown:
        plots.held_out(folder / "held_out.png", shown)
    if histories:
        plots.training_curves(folder / "training.png", histories)


def _spread(count: int, most: int) -> list[int]:
    """At most `most` of `count` indices, first and last among them; evenly where a number not much below `most` allows it."""
    if count <= most:
        return list(range(count))
    even = [k for k in range(most, most // 2 + 1, -1) if (count - 1) % (k - 1) == 0]
    return np.linspace(0, count - 1, even[0] if even else most).round().astype(int).tolist()


def _history(path: Path) -> dict:
    try:
        history = json.loads(path.read_text())
        if len(history["step"]) != len(history["loss"]):
            raise ValueError("step and loss differ in length")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot be read ({error})", where=path, fix="delete its folder and train again") from None
    return history
