"""calibrate: where the cameras of the sequence stood, by its own projections and both scans; the sequence with its cameras corrected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xct4d.calibration.between import Calibration, SourceCalibration, calibrate_between
from xct4d.calibration.correction import NAMES
from xct4d.calibration.sources import sources_of
from xct4d.directions import SCAN_TIME, Direction
from xct4d.fields.flatfield import FlatField
from xct4d.geometry.pixel_size import pixel_size
from xct4d.io import prepared, strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.io.links import link
from xct4d.io.prepared import Frames
from xct4d.io.stage_records import read_downscale
from xct4d.motion.scans import baked_volumes
from xct4d.progress import say


def calibrate(between: Path, canonicals: Mapping[Direction, Path], output: Path) -> None:
    """Write the sequence as `prepare` does, its cameras corrected where they clearly stood elsewhere, and calibration.json, into `output`, a folder.

    between: prepared projections of the sequence. canonicals: output folders of
    the canonical stage of both scans. Cameras that nothing speaks against stay as
    they are, to the last bit. Raises InputError where an input cannot be read or
    the output cannot be written.
    """
    frames = prepared.load(between)
    factor = read_downscale(between / "checks.json")
    flat_fields = [FlatField.load(canonicals[direction] / "flatfield.safetensors").level(time) for direction, time in SCAN_TIME.items()]
    sources = sources_of(frames)
    found = calibrate_between(frames, sources, baked_volumes(canonicals), (flat_fields[0], flat_fields[1]))
    record = _record(frames, found, factor)
    with atomic_folder(output) as folder:
        for name in (prepared.PIXELS, prepared.MASK):
            if (between / name).exists():
                link(between / name, folder / name)
        prepared.save_record(found.applied(frames), folder)
        (folder / "calibration.json").write_text(strict_json.dumps(record))
    say("\n  ".join(["calibrate:", *record["lines"]]))


def _record(frames: Frames, found: Calibration, factor: float) -> dict:
    """What calibration.json holds: words, and the numbers in pixels of the full image, mm at the rotation axis where the scale is known, degrees."""
    return {
        "lines": _lines(frames, found, factor),
        "sources": [
            {
                "first": frames.name[int(source.frames[0])],
                "projections": len(source.frames),
                "measured": in_units(frames, source, source.measured.values(), factor),
                "sigma": in_units(frames, source, source.sigma, factor),
                "residual": list(source.left),
                "corrected": source.corrected,
            }
            for source in found.sources
        ],
        "rows_by_pairs": [
            {"first": row.first, "second": row.second, "row_px": row.row_px * factor, "sigma": row.sigma * factor} for row in found.rows
        ],
    }


def in_units(frames: Frames, source: SourceCalibration, values: np.ndarray, factor: float) -> dict[str, float | None]:
    """Values [5] in pixels of the full image, degrees and, where the scale is known, mm at the rotation axis; None where nothing is known of one."""
    named = dict(zip(NAMES, values.tolist(), strict=True))
    found = {name: value * factor if name.endswith("_px") else value for name, value in named.items()}
    if frames.unit_mm is not None:
        view = frames.main_view(int(source.frames[0]))
        pixel_mm = pixel_size(frames.views, view) * frames.unit_mm
        away_mm = float(np.linalg.norm(frames.views.camera_to_world[view, :, 3])) * frames.unit_mm
        found |= {
            "column_mm": named["column_px"] * pixel_mm,
            "row_mm": named["row_px"] * pixel_mm,
            "distance_mm": named["distance"] * away_mm,
        }
    return {name: value if np.isfinite(value) else None for name, value in found.items()}


def _lines(frames: Frames, found: Calibration, factor: float) -> list[str]:
    """For a person: what was corrected, or that nothing was."""
    lines = [_line(frames, source, factor) for source in found.sources if source.corrected]
    if lines:
        return lines
    if not found.sources:
        return ["which projections are of one source is not told by their cameras: they stay as the files have them"]
    if not all(np.isfinite(source.sigma).all() for source in found.sources):
        return ["too few times near the scans to measure the cameras of the sequence: they stay as the files have them"]
    return ["nothing speaks against the cameras of the sequence: they stay as the files have them"]


def _line(frames: Frames, source: SourceCalibration, factor: float) -> str:
    value, sigma = (in_units(frames, source, own, factor) for own in (source.measured.values(), source.sigma))
    parts = [
        f"{words} {value[name]:.3g} (+- {sigma[name]:.2g}) {unit}"
        for name, words, unit in (
            ("column_px", "the beam meets the detector", "px further right"),
            ("row_px", "and", "px further down"),
            ("roll_deg", "the axis leans to the right by", "degrees"),
            ("angle_deg", "the angle is larger by", "degrees"),
        )
    ]
    parts.append(f"the source is farther by {value['distance']:.2%} (+- {sigma['distance']:.2%})")
    name = frames.name[int(source.frames[0])]
    return (
        f"{len(source.frames)} projections from {name} on are corrected: {', '.join(parts)}; beside the scans the residual is "
        f"{source.left[1]:.3g} in place of {source.left[0]:.3g}"
    )
