"""What was reconstructed from what: projections, geometry, scale, voxels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xct4d.directions import SCAN_TIME
from xct4d.io.ome_zarr import open_volume
from xct4d.io.prepared import Frames
from xct4d.report.words import lengths
from xct4d.units import LENGTH, Scale

SCANS = {state: f"scan at t = {t:g}" for state, t in SCAN_TIME.items()}


def facts(
    states: Mapping[str, Frames], volume: Path, scale: Scale, configuration: Mapping[str, Any], calibration: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Pairs of what is told and its words. volume: an exported one. configuration: all sections. calibration: what it says of the cameras."""
    given = configuration.get("input") or {}
    source = [("simulated scene", given["scene"])] if given.get("scene") else [("data", given["folder"])] if given.get("folder") else []
    found = [(SCANS.get(state, "in between"), _projections(frames)) for state, frames in states.items()]
    calibrated = [("calibration", "; ".join(calibration))] if calibration else []
    return [
        *source,
        *found,
        ("geometry", _geometry(states, scale)),
        *calibrated,
        ("scale", _scale(scale)),
        ("volumes", _voxels(volume, scale)),
    ]


def _projections(frames: Frames) -> str:
    held_out = int(frames.held_out.sum())
    times = np.unique(frames.frame_time())
    trained = len(frames) - held_out
    sizes = sorted({"{} x {}".format(*frames.size(f)) for f in range(len(frames))})
    when = "" if len(times) == 1 else f" at {len(times)} times from t = {times[0]:.3g} to {times[-1]:.3g}"
    kept = f", {held_out} more held out" if held_out else ""
    return f"{_counted(trained, 'projection')}{when}{kept}; {', '.join(sizes)} pixels"


def _geometry(states: Mapping[str, Frames], scale: Scale) -> str:
    """Distances of the sources from the rotation axis and sizes of a pixel there, as ranges."""
    distances, pixels, heights = [], [], []
    for frames in states.values():
        sources = frames.views.camera_to_world[:, :, 3]
        distances.append(np.hypot(sources[:, 0], sources[:, 1]))
        heights.append(np.abs(sources[:, 2]))
        pixels.append(np.linalg.norm(sources, axis=1) / frames.views.focal[:, 0])
    world_unit, unit = scale.factor(LENGTH), lengths(scale)
    high = float(np.concatenate(heights).max()) * world_unit
    raised = f", up to {high:.3g} {unit} above or below the middle plane" if high > 1e-3 * world_unit else ""
    return (
        f"sources {_range(np.concatenate(distances) * world_unit)} {unit} from the rotation axis{raised}; "
        f"a pixel is {_range(np.concatenate(pixels) * world_unit)} {unit} at the axis"
    )


def _scale(scale: Scale) -> str:
    box = "unknown: lengths are in world units, half the width of the box"
    if scale.unit_mm is not None:
        box = f"the box is {2 * scale.unit_mm:.5g} mm wide"
    return box + ("" if scale.duration_s is None else f"; {scale.duration_s:.5g} s from t = 0 to t = 1")


def _voxels(path: Path, scale: Scale) -> str:
    volume = open_volume(path)
    sides = [float(axis[1] - axis[0]) for axis in volume.coordinates]
    depth, height, width = volume.shape
    return f"{width} x {height} x {depth} voxels of {_range(np.array(sides))} {lengths(scale)}"


def _range(values: np.ndarray) -> str:
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low} to {high}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
